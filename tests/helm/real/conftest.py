"""One cluster with a real node for all tests of the chart; each of them has a namespace and a release of its own."""

from __future__ import annotations

import pytest

from tests.autoscaler.io.kubernetes import places
from tests.helm.real import node as nodes
from tests.helm.real.node import Node


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Here rather than in a fixture, so that all of them are skipped in one line."""
    if item.get_closest_marker("kubernetes") is not None:
        places.require_any()


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Both images are built and loaded once."""
    nodes.require()
    place: places.Place = request.getfixturevalue("place_with_a_node")
    if place.state is None:
        pytest.skip("images of this working copy can be given to a cluster of CLUSTER_TOOL only")
    nodes.teach(place, tmp_path_factory.mktemp("images"))
    return Node(place)
