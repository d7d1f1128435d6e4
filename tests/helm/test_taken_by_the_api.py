"""What an API server itself says of everything that is rendered, in a namespace that enforces the restricted standard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.autoscaler.io.kubernetes import places
from tests.helm.charts import CASES, NAMESPACE, rendered, with_values
from tests.helm.releases import Release
from tests.helm.test_rendering_api import CUSTOM

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]


@pytest.fixture(scope="module")
def strict(played: places.Place) -> Iterator[Release]:
    """The namespace that all cases are rendered for."""
    found = Release(NAMESPACE, played.kubeconfig)
    found.make_namespace(enforce="restricted", warn="restricted")
    try:
        yield found
    finally:
        found.uninstall()


@pytest.mark.parametrize("case", CASES)
def test_the_api_server_takes_everything_without_a_warning(strict: Release, case: str) -> None:
    known = [each for each in rendered(case) if (each["apiVersion"], each["kind"]) not in CUSTOM]

    assert strict.tried(known) == ""


def test_a_worker_that_asks_for_more_is_warned_of(strict: Release) -> None:
    objects = with_values("poolDefaults: {securityContext: {allowPrivilegeEscalation: true}}")

    assert 'would violate PodSecurity "restricted' in strict.tried(objects)
