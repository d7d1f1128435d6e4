"""Any history that both stores can be told: every answer, notice, event and view of theirs is the same.

What may differ, and why, is in plain.py (positions, epochs, fences within a millisecond) and ties.py (workers of equal
room); histories keep away from the rest: docs/scheduler.md names it.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from scheduler.io.redis.store import RedisStore
from scheduler.policy import SchedulerPolicy
from scheduler.storeurl import parse_store_url
from tests.scheduler.twins.history import MakeRedis, a_history, play, shortest
from tests.scheduler.twins.pair import Dice, Differs
from tests.scheduler.world import Clock

LENGTH = 120
ONE_REGION = ("eu",)

_prefixes = count(1)


@pytest.fixture(params=["redis", "redis-far"])
def make(request: pytest.FixtureRequest, redis_socket: Path) -> MakeRedis:
    """A Redis store: with all shards on one node, or as on a cluster."""

    def redis(clock: Clock, policy: SchedulerPolicy, dice: Dice) -> RedisStore:
        url = parse_store_url(f"unix://{redis_socket}?prefix=twin{next(_prefixes)}")
        return RedisStore(url, policy, clock=clock, draw=dice, is_split=request.param == "redis-far")

    return redis


@pytest.mark.parametrize("seed", range(24))
async def test_a_history_of_one_region_is_told_alike(make: MakeRedis, seed: int) -> None:
    await _is_told_alike(make, ONE_REGION, seed)


async def _is_told_alike(make: MakeRedis, regions: tuple[str, ...], seed: int) -> None:
    steps = a_history(seed, LENGTH)
    try:
        await play(make, regions, steps)
    except Differs:
        short = await shortest(make, regions, steps)
        with pytest.raises(Differs) as caught:
            await play(make, regions, short)
        pytest.fail(f"seed {seed}, {len(short)} of its {LENGTH} steps:\n{caught.value}")
