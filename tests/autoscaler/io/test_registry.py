"""The store read for all pools at once, and looked at in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from autoscaler.io.registry import ANSWER_WITHIN, POLL_EVERY, Registry
from autoscaler.observing import Place
from scheduler.io.memory import MemoryStore
from scheduler.store import Store
from scheduler.values import Registered
from tests.flows.places import MemoryReach
from tests.scheduler.builders import a_request, a_scale_request, a_worker

pytestmark = pytest.mark.looptime
GPU = ("eu", "gpu")


class Counting:
    """A store that counts reads, each of which takes a moment."""

    def __init__(self, store: MemoryStore) -> None:
        self.reads = 0
        self._store = store

    async def workers(self) -> Any:
        self.reads += 1
        await asyncio.sleep(0.01)
        return await self._store.workers()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@asynccontextmanager
async def polling(store: object) -> AsyncIterator[list[Place]]:
    nudged: list[Place] = []
    task = asyncio.create_task(Registry(cast(Store, store), nudged.append).run())
    await asyncio.sleep(0.1)
    nudged.clear()
    try:
        yield nudged
    finally:
        task.cancel()
        await asyncio.wait({task})


def a_store() -> MemoryStore:
    return MemoryStore(clock=asyncio.get_running_loop().time)


async def test_one_read_serves_all_pools_that_ask_at_the_same_time() -> None:
    store = Counting(a_store())
    registry = Registry(cast(Store, store), lambda _: None)

    found = await asyncio.gather(*(registry.look() for _ in range(10)))
    await asyncio.sleep(1.0)
    await registry.look()

    assert len({id(each) for each in found}) == 1
    assert store.reads == 2


async def test_a_store_that_is_away_is_none_and_then_there_again() -> None:
    memory = a_store()
    reach = MemoryReach(lambda: memory)
    registry = Registry(cast(Store, reach), lambda _: None)

    reach.cut()
    away = await registry.look()
    reach.mend()
    await asyncio.sleep(1.0)

    assert away is None
    assert await registry.look() is not None


async def test_a_longer_queue_nudges_its_pool() -> None:
    store = a_store()
    assert isinstance(await store.register(a_worker(slots=1)), Registered)
    async with polling(store) as nudged:
        for _ in range(2):
            await store.claim(a_request(now=store.now(), wait_seconds=60.0))

        await asyncio.sleep(POLL_EVERY + 0.1)
        once = list(nudged)
        await asyncio.sleep(5 * POLL_EVERY)

    assert once == [GPU]
    assert nudged == [GPU]


async def test_a_scale_request_nudges_its_pool_when_it_comes_and_when_it_goes() -> None:
    store = a_store()
    request = a_scale_request(created_at=store.now())
    async with polling(store) as nudged:
        await store.put_scale_request(request)
        await asyncio.sleep(2 * POLL_EVERY)
        await store.drop_scale_request(request.id)
        await asyncio.sleep(2 * POLL_EVERY)

    assert nudged == [GPU, GPU]


async def test_pools_wait_once_for_a_store_that_does_not_answer() -> None:
    class Silent:
        async def workers(self) -> None:
            await asyncio.Event().wait()

    registry = Registry(cast(Store, Silent()), lambda _: None)
    began_at = asyncio.get_running_loop().time()

    found = await asyncio.gather(*(registry.look() for _ in range(10)))

    assert found == [None] * 10
    assert asyncio.get_running_loop().time() - began_at <= 2 * ANSWER_WITHIN
