"""The stores that must behave alike. A second one is added here and runs the suite unchanged."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from moorage.ids import WorkerId
from scheduler.io.memory import MemoryStore
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from tests.scheduler.world import Clock, Make, World, a_world

pytest.register_assert_rewrite("tests.scheduler.contract.life", "tests.scheduler.contract.truths")


def _memory(clock: Clock, policy: SchedulerPolicy) -> Store:
    return MemoryStore(clock=clock, policy=policy)


@pytest.fixture(params=[_memory], ids=["memory"])
def make(request: pytest.FixtureRequest) -> Make:
    """A new store."""
    made: Make = request.param
    return made


@pytest_asyncio.fixture
async def world(make: Make) -> AsyncIterator[World]:
    """A new store with two gateways and no workers."""
    async with a_world(make) as made:
        yield made
        await _check(made)


async def _check(world: World) -> None:
    """After every test: slots are exact, and every live session is on one of them."""
    live = await world.store.sessions()
    known: set[WorkerId] = set()
    for view in await world.store.workers():
        known.add(view.worker)
        assert 0 <= view.used <= view.slots
        assert view.used == sum(session.worker == view.worker for session in live)
