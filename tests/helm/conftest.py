"""One rendering of each file of values for all tests of this folder, and one API server for those that want one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.autoscaler.io.kubernetes import places
from tests.helm.charts import CASES, Document, rendered, require_helm
from tests.helm.releases import Release, fresh_name


@pytest.fixture(params=CASES)
def objects(request: pytest.FixtureRequest) -> tuple[Document, ...]:
    """All objects of one case."""
    return rendered(request.param)


@pytest.fixture(scope="session")
def played() -> Iterator[places.Place]:
    """An API server and its controllers, where kwok plays nodes and pods: no program runs."""
    places.require_any()
    require_helm()
    found = places.start("--kwok")
    try:
        yield found
    finally:
        places.stop(found)


@pytest.fixture
def release(played: places.Place) -> Iterator[Release]:
    """Not yet installed."""
    found = Release(fresh_name(), played.kubeconfig)
    try:
        yield found
    finally:
        found.uninstall()
