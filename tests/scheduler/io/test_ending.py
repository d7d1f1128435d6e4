"""Ending from outside: the holder's word is waited for, within a bound."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from moorage.errors import Code
from scheduler.io.ending import end_exactly
from scheduler.io.memory import MemoryStore
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from scheduler.values import End, Ended, EndSession, Outcome, Usage
from tests.owntime import within
from tests.scheduler.builders import NEAR, a_worker
from tests.scheduler.world import Clock, World, a_world


def _memory(clock: Clock, policy: SchedulerPolicy) -> Store:
    return MemoryStore(clock=clock, policy=policy)


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with a_world(_memory) as made:
        yield made


async def test_a_silent_gateway_costs_an_estimate_and_under_a_second(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    await world.store.checkpoint(held.session, held.fence, Usage(5, 5, 1, 1))
    wish = End(held.session, Outcome.COMPLETED, Code.SESSION_ENDED, "ENOUGH", "api")

    answer = await within(5, end_exactly(world.store, wish))

    assert isinstance(answer, Ended)
    assert answer.is_first
    assert answer.record.is_estimated
    assert Usage(5, 5, 1, 1) == answer.record.usage
    assert any(isinstance(notice, EndSession) for notice in await world.heard(NEAR))


async def test_what_nobody_holds_is_ended_at_once(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    await world.store.suspend(held.session, held.fence, Usage(1, 1, 1, 1), is_worker_lost=False)

    answer = await end_exactly(world.store, End(held.session, Outcome.COMPLETED, Code.SESSION_ENDED, "ENOUGH", "api"))

    assert isinstance(answer, Ended)
    assert not answer.record.is_estimated
    assert Usage(1, 1, 1, 1) == answer.record.usage
