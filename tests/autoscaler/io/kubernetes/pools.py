"""Pools under test, and what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from autoscaler.decision import Removal
from autoscaler.io.kubernetes.api import Document
from autoscaler.io.kubernetes.cluster import Cluster
from autoscaler.io.kubernetes.pool import KubernetesPool
from autoscaler.observation import Freeze, Problem, TargetSeen
from autoscaler.policy import KubernetesTarget, RemovalMode
from moorage.ids import WorkerId
from tests.autoscaler.io.kubernetes.real import Real


def removals(uids: Sequence[str]) -> list[Removal]:
    """Workers that are these pods."""
    return [Removal(WorkerId(f"wrk_{number:026}"), uid) for number, uid in enumerate(uids)]


@asynccontextmanager
async def a_pool(
    cluster: Cluster,
    fleet: Real,
    removal: RemovalMode = RemovalMode.COST,
    *,
    kind: str = "Deployment",
    leads: Callable[[], bool] = lambda: True,
) -> AsyncIterator[KubernetesPool]:
    """It runs, and leads unless said otherwise."""
    pool = cluster.pool(KubernetesTarget(fleet.namespace, "web", kind, removal), leads)
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


async def problem(
    pool: KubernetesPool, fleet: Real, freeze: Freeze, said: str = "", *, seconds: float = 40.0
) -> Problem:
    """The first of this kind, whose detail says `said`. A missing right is reviewed every 15 s, rivals every 10 s."""

    async def shown() -> Problem | None:
        found = await pool.look()
        return next(
            (each for each in (found.problems if found else ()) if each.freeze is freeze and said in each.detail), None
        )

    found: Problem = await fleet.until(shown, seconds=seconds)
    return found


async def calm(pool: KubernetesPool, fleet: Real, seconds: float = 40.0) -> TargetSeen:
    """A look without problems."""

    async def no_problems() -> TargetSeen | None:
        found = await pool.look()
        return found if found is not None and not found.problems else None

    found: TargetSeen = await fleet.until(no_problems, seconds=seconds)
    return found


def annotations_of(pod: Document) -> dict[str, str]:
    """Of a pod's document."""
    return dict(pod["metadata"].get("annotations") or {})
