"""Trying again, in virtual time."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from scheduler.io.redis.client.reconnecting import CHECK_EVERY, SETTLED_AFTER, keep_checking, keep_connected

pytestmark = pytest.mark.looptime


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_server_that_is_away_is_tried_for_ever_and_never_at_once() -> None:
    tries: list[float] = []
    is_enough = asyncio.Event()

    async def connect() -> bool:
        tries.append(asyncio.get_running_loop().time())
        if len(tries) == 20:
            is_enough.set()
        return False

    task = asyncio.create_task(keep_connected(connect, asyncio.Event()))
    async with asyncio.timeout(60):
        await is_enough.wait()
    await _cancel(task)

    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert min(pauses) >= 0.05 - 1e-6
    assert max(pauses) <= 0.75


async def test_a_connection_that_lived_is_missed_at_once() -> None:
    tries: list[float] = []
    lost = asyncio.Event()
    is_up = asyncio.Event()

    async def connect() -> bool:
        tries.append(asyncio.get_running_loop().time())
        lost.clear()
        if len(tries) > 5:
            is_up.set()
        return len(tries) > 5

    task = asyncio.create_task(keep_connected(connect, lost))
    async with asyncio.timeout(60):
        await is_up.wait()
        await asyncio.sleep(2 * SETTLED_AFTER)
        is_up.clear()
        lost.set()
        lost_at = asyncio.get_running_loop().time()
        await is_up.wait()
    await _cancel(task)

    assert tries[-1] - lost_at <= 0.2


async def test_a_look_that_fails_is_not_the_last() -> None:
    looks: list[float] = []

    def look() -> None:
        looks.append(asyncio.get_running_loop().time())
        raise RuntimeError("a bug")

    task = asyncio.create_task(keep_checking(look, "a server"))
    await asyncio.sleep(3.5 * CHECK_EVERY)
    await _cancel(task)

    assert len(looks) == 3
