"""What the budgets of the chart let `kubectl drain` do with the workers of a node."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.autoscaler.io.kubernetes import places
from tests.helm.releases import Release

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

NODES = ("drained-0", "drained-1")
WITHIN_SECONDS = 60.0


def only_where_kwok_plays(played: places.Place) -> None:
    """Nodes of somebody else's cluster are not ours to cordon."""
    if played.state is None:
        pytest.skip("nodes and pods that kwok plays are needed")


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {WITHIN_SECONDS:.0f} s: {what}"
        time.sleep(0.5)


def test_workers_go_one_after_the_other_and_the_next_when_its_replacement_serves(
    played: places.Place, release: Release
) -> None:
    only_where_kwok_plays(played)
    release.add_nodes(*NODES)
    release.install()
    release.scale(f"{release.name}-moorage-pool-example", 3)
    until(lambda: len(release.ready("worker")) == 3, "three workers are ready")
    first, second, _ = release.ready("worker")

    release.cordon(*NODES)
    of_the_first = release.evict(first)
    meanwhile = release.evict(second)
    release.uncordon(*NODES)

    assert of_the_first == ""
    assert "disruption budget" in meanwhile
    until(lambda: release.evict(second) == "", "the second may go")


def test_one_gateway_of_two_may_go_and_one_of_a_single_control_plane_too(
    played: places.Place, release: Release
) -> None:
    only_where_kwok_plays(played)
    release.add_nodes(*NODES)
    release.install("controlplane.persistence.enabled=false")
    until(lambda: len(release.ready("gateway")) == 2 and len(release.ready("controlplane")) == 1, "all are ready")
    first, second = release.ready("gateway")

    release.cordon(*NODES)
    verdicts = [release.evict(first), release.evict(second), release.evict(release.ready("controlplane")[0])]
    release.uncordon(*NODES)

    assert verdicts[0] == ""
    assert "disruption budget" in verdicts[1]
    assert verdicts[2] == ""
