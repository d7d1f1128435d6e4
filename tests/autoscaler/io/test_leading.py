"""Who may write, by a role in the store and this process's own clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from autoscaler.io.leading import LEAD_SECONDS, SharedLeader, StoreLeader
from scheduler.io.memory import MemoryStore
from scheduler.store import Store
from tests.flows.places import MemoryReach

pytestmark = pytest.mark.looptime


def a_reach() -> MemoryReach:
    memory = MemoryStore(clock=asyncio.get_running_loop().time)
    return MemoryReach(lambda: memory)


@asynccontextmanager
async def running(*leaders: StoreLeader) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = []
    for leader in leaders:
        tasks.append(asyncio.create_task(leader.run()))
        await asyncio.sleep(0.1)
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_one_leads_and_gives_it_back_at_once() -> None:
    store = cast(Store, a_reach())
    first, second = StoreLeader(store, "role"), StoreLeader(store, "role")
    async with running(first, second) as tasks:
        before = first.is_leading, second.is_leading

        tasks[0].cancel()
        await asyncio.sleep(1.1)

        assert before == (True, False)
        assert (first.is_leading, second.is_leading) == (False, True)


async def test_two_roles_have_a_leader_each() -> None:
    store = cast(Store, a_reach())
    first, second = StoreLeader(store, "one"), StoreLeader(store, "two")
    async with running(first, second):
        assert (first.is_leading, second.is_leading) == (True, True)


async def test_who_does_not_hear_from_the_store_stops_before_another_begins() -> None:
    reach = a_reach()
    leader = StoreLeader(cast(Store, reach), "role")
    async with running(leader):
        reach.cut()
        await asyncio.sleep(LEAD_SECONDS - 1.5)
        still = leader.is_leading
        await asyncio.sleep(0.6)

        assert still
        assert not leader.is_leading

        reach.mend()
        await asyncio.sleep(1.1)
        assert leader.is_leading


async def test_a_shared_office_is_stood_for_by_somebody_else() -> None:
    leader = StoreLeader(cast(Store, a_reach()), "role")
    shared = SharedLeader(leader)
    waiting = asyncio.create_task(shared.run())
    async with running(leader):
        assert shared.is_leading
    waiting.cancel()
    await asyncio.wait({waiting})

    assert not shared.is_leading
