"""Any history that both stores can be told: every answer, notice, event and view of theirs is the same.

What may differ, and why, is in plain.py (positions, epochs, fences within a millisecond) and ties.py (workers of equal
room). Histories keep away from the rest, which docs/scheduler.md names: a session that names no region where there are
several, waits in several regions, a placed session that would have to leave its region, which of many are told first.

A failure is printed with its seed, made short. To play one again: MOORAGE_TWINS_SEED=7 pytest tests/scheduler/twins
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from scheduler.io.redis.store import RedisStore
from scheduler.policy import SchedulerPolicy
from scheduler.storeurl import parse_store_url
from tests.scheduler.twins.history import MakeRedis, a_history, play, shortest
from tests.scheduler.twins.pair import Dice, Differs
from tests.scheduler.world import Clock

LENGTH = 110
_SEED = os.environ.get("MOORAGE_TWINS_SEED")
FAST = range(5) if _SEED is None else [int(_SEED)]
SLOW = range(100, 140)

_prefixes = count(1)


@dataclass(frozen=True, slots=True)
class Kind:
    """Where histories of one kind take place, and whether they begin with a store that lost its data."""

    regions: tuple[str, ...]
    is_after_loss: bool = False


KINDS = {
    "one region": Kind(("eu",)),
    "three regions": Kind(("eu", "us", "ap")),
    "one region after a loss": Kind(("eu",), is_after_loss=True),
    "two regions after a loss": Kind(("eu", "us"), is_after_loss=True),
}


@pytest.fixture(params=["redis", "redis-far"])
def make(request: pytest.FixtureRequest, redis_socket: Path) -> MakeRedis:
    """A Redis store: with all shards on one node, or as on a cluster."""

    def redis(clock: Clock, policy: SchedulerPolicy, dice: Dice) -> RedisStore:
        url = parse_store_url(f"unix://{redis_socket}?prefix=twin{next(_prefixes)}")
        return RedisStore(url, policy, clock=clock, draw=dice, is_split=request.param == "redis-far")

    return redis


@pytest.mark.parametrize("kind", KINDS)
async def test_both_stores_tell_the_same_story(make: MakeRedis, kind: str) -> None:
    for seed in FAST:
        await _is_told_alike(make, KINDS[kind], seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_both_stores_tell_the_same_stories_many_times(make: MakeRedis, kind: str) -> None:
    for seed in SLOW:
        await _is_told_alike(make, KINDS[kind], seed)


async def _is_told_alike(make: MakeRedis, kind: Kind, seed: int) -> None:
    steps = a_history(seed, LENGTH, is_after_loss=kind.is_after_loss)
    try:
        await play(make, kind.regions, steps)
    except Differs:
        short = await shortest(make, kind.regions, steps)
        with pytest.raises(Differs) as caught:
            await play(make, kind.regions, short)
        pytest.fail(f"seed {seed}, {len(short)} of its {LENGTH} steps: {short}\n{caught.value}", pytrace=False)
