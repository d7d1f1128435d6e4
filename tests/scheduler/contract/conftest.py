"""The stores that must behave alike: in memory, on one Redis server, on one whose shards are treated as far apart, and on a
cluster of three nodes (slow)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
import pytest_asyncio

from moorage.ids import WorkerId
from scheduler.io.memory import MemoryStore
from scheduler.io.redis.store import RedisStore
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from scheduler.storeurl import parse_store_url
from tests.redis_cluster import a_lasting_cluster
from tests.scheduler.world import Clock, Make, World, a_world

pytest.register_assert_rewrite("tests.scheduler.contract.life", "tests.scheduler.contract.truths")

_prefixes = count(1)


def a_memory_store(clock: Clock, policy: SchedulerPolicy) -> Store:
    return MemoryStore(clock=clock, policy=policy)


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Three nodes for all tests of this process."""
    with a_lasting_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster.url


@pytest.fixture(params=["memory", "redis", "redis-far", pytest.param("redis-cluster", marks=pytest.mark.slow)])
def make(request: pytest.FixtureRequest) -> Make:
    """A new store."""
    if request.param == "memory":
        return a_memory_store
    if request.param == "redis-cluster":
        place: str = request.getfixturevalue("redis_cluster")
    else:
        place = f"unix://{request.getfixturevalue('redis_socket')}"

    def redis(clock: Clock, policy: SchedulerPolicy) -> Store:
        url = parse_store_url(f"{place}?prefix=t{next(_prefixes)}")
        return RedisStore(url, policy, clock=clock, is_split=request.param == "redis-far")

    return redis


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
