"""Many callers while the server is killed, stopped and cut off: every call ends in time, and none is done twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from scheduler.io.redis.client.shards import Shards
from scheduler.store import Unavailable
from tests.owntime import OwnTime, own_time
from tests.redis_server import RedisServer
from tests.scheduler.io.redis.client.test_shards import COUNT, opened

pytestmark = pytest.mark.slow

SECONDS = 12.0
CALLERS = 64
ANSWER_SECONDS = 0.5
LONGEST_SECONDS = ANSWER_SECONDS + 0.25 + 1.0  # the deadline, its grain, and steps of the loop that take long


class Tally:
    """What the callers saw."""

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0
        self.longest = 0.0


async def _call_until(shards: Shards, end: float, tally: Tally, own: OwnTime) -> None:
    loop = asyncio.get_running_loop()
    while loop.time() < end:
        asked_at = own.seconds
        try:
            await shards.run(COUNT, "eu", 1)
            tally.done += 1
        except Unavailable:
            tally.failed += 1
            await asyncio.sleep(0.01)
        tally.longest = max(tally.longest, own.seconds - asked_at)


async def _trouble(server: RedisServer, chance: random.Random) -> None:
    match chance.choice(["kill", "stop", "cut"]):
        case "kill":
            await server.restart()
        case "stop":
            server.pause()
            await asyncio.sleep(chance.uniform(0.1, 1.2))
            server.resume()
        case "cut":
            server.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_call_ends_in_time_and_none_is_done_twice(tmp_path: Path, seed: int) -> None:
    chance, tally, failures = random.Random(seed), Tally(), Counter[str]()
    loop = asyncio.get_running_loop()
    async with RedisServer(tmp_path / "redis", keeps_data=True) as server:
        query = f"?answer_seconds={ANSWER_SECONDS}&connect_seconds={ANSWER_SECONDS}"
        async with opened(server.url + query, failures) as shards, own_time() as own:
            end = loop.time() + SECONDS
            async with asyncio.TaskGroup() as callers:
                for _ in range(CALLERS):
                    callers.create_task(_call_until(shards, end, tally, own))
                while loop.time() < end - 2.0:
                    await asyncio.sleep(chance.uniform(0.2, 0.8))
                    await _trouble(server, chance)
            counted = _number(server, shards)

    print(f"seed {seed}: {tally.done} done, {tally.failed} failed, longest {tally.longest:.2f} s, {dict(failures)}")  # noqa: T201
    assert tally.done <= counted <= tally.done + tally.failed
    assert tally.longest <= LONGEST_SECONDS
    assert tally.done > 1000


def _number(server: RedisServer, shards: Shards) -> int:
    found = server.call("GET", shards.key("eu", "count"))
    assert isinstance(found, bytes)
    return int(found)
