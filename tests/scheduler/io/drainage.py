"""Workers to empty, drains to work off, and time that passes between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from moorage.errors import Code
from moorage.ids import GatewayId, WorkerId
from scheduler.io.drainer import Drainer
from scheduler.policy import SchedulerPolicy
from scheduler.values import (
    CloseSession,
    DrainKind,
    DrainPlan,
)
from tests.scheduler.builders import NEAR, a_plan, a_worker
from tests.scheduler.world import STEP, Make, World, a_world

POLICY = SchedulerPolicy(drain_rate_per_second=40.0, drain_kept_seconds=20.0)


@pytest.fixture
async def world(make: Make) -> AsyncIterator[World]:
    async with a_world(make, POLICY) as made:
        yield made


async def work(world: World, seconds: float, *drainers: Drainer) -> None:
    """Time passes while these are at it."""
    for _ in range(round(seconds / STEP)):
        await world.advance(STEP)
        for drainer in drainers:
            await drainer.step()


async def busy(world: World, sessions: int, **said: Any) -> WorkerId:
    """A worker with so many sessions."""
    joined = await world.worker(a_worker(slots=sessions, **said))
    for _ in range(sessions):
        await world.attach()
    return joined.worker


async def told(world: World, gateway: GatewayId = NEAR) -> list[CloseSession]:
    notices = await world.heard(gateway)
    return [notice for notice in notices if isinstance(notice, CloseSession) and notice.code is Code.DRAINING]


async def plan_of(world: World, plan: DrainPlan) -> DrainPlan:
    [found] = [found for found in await world.store.drains() if found.id == plan.id]
    return found


def of_worker(world: World, worker: WorkerId, *, deadline: float = 0.0, rate: float = 8.0) -> DrainPlan:
    return a_plan(
        kind=DrainKind.WORKER,
        worker=worker,
        deadline=world.now + deadline,
        rate_per_second=rate,
        started_at=world.now,
    )
