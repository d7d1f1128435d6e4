"""Three hundred pods on a real API server: exactly the named go, by every way of removing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from autoscaler.decision import Removal
from autoscaler.io.kubernetes.cluster import Cluster
from autoscaler.io.kubernetes.pool import KubernetesPool
from autoscaler.io.target import Written
from autoscaler.observation import TargetSeen
from autoscaler.policy import KubernetesTarget, RemovalMode
from moorage.ids import WorkerId
from tests.autoscaler.io.kubernetes.real import Real

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]


def removals(uids: Sequence[str]) -> list[Removal]:
    """Workers that are these pods."""
    return [Removal(WorkerId(f"wrk_{number:026}"), uid) for number, uid in enumerate(uids)]


@asynccontextmanager
async def a_pool(
    cluster: Cluster, fleet: Real, removal: RemovalMode = RemovalMode.COST, name: str = "web"
) -> AsyncIterator[KubernetesPool]:
    """It leads, and runs."""
    pool = cluster.pool(KubernetesTarget(fleet.namespace, name, removal=removal), lambda: True)
    running = asyncio.create_task(pool.run())
    try:
        yield pool
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def seen(pool: KubernetesPool, fleet: Real) -> TargetSeen:
    """A look that saw something."""
    found = await fleet.until(pool.look)
    assert isinstance(found, TargetSeen)
    return found


async def test_three_hundred_pods_come_and_exactly_the_named_go_by_every_mode(fleet: Real) -> None:
    await fleet.deployment(replicas=10)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        await seen(pool, fleet)
        assert await pool.raise_to(300, was=10) == Written(300)
    alive = set(await fleet.ready(300))

    for mode in RemovalMode:
        # kwok's pods are ready within 0.1 s: a replacement that is already serving could not be told from the others.
        await fleet.cordon(unschedulable=mode is not RemovalMode.COST)
        async with a_pool(cluster, fleet, mode) as pool:
            found = await seen(pool, fleet)
            assert (found.replicas, len(found.members), found.problems) == (len(alive), len(alive), ())
            victims = removals(random.sample(sorted(alive), 10))

            written = await pool.remove(victims, was=len(alive))

        assert written == Written(len(alive) - 10, tuple(victims))
        alive -= {victim.member for victim in victims}
        assert set(await fleet.ready(len(alive))) == alive
