"""A cluster of three real nodes: keys by tag, moved slots, a primary that dies."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from scheduler.hashslots import slot_of
from scheduler.io.redis.client.shards import Shards
from scheduler.store import Unavailable
from tests.redis_cluster import a_cluster, node_id
from tests.redis_server import RedisServer, free_port
from tests.scheduler.io.redis.client.test_listening import Notes
from tests.scheduler.io.redis.client.test_shards import COUNT, READ, opened, refused

pytestmark = pytest.mark.slow

TAGS = [f"region{number}" for number in range(12)]


async def test_every_tag_lives_on_the_node_of_its_slot(tmp_path: Path) -> None:
    async with a_cluster(tmp_path) as cluster, opened(cluster.url) as shards:
        await asyncio.gather(*(shards.run(COUNT, tag, 1) for tag in TAGS * 20))

        for tag in TAGS:
            key = shards.key(tag, "count")
            assert cluster.primary(key).call("GET", key) == b"20"
        assert not shards.is_one_node
        assert len({cluster.primary(shards.key(tag)).port for tag in TAGS}) == 3


async def test_calls_follow_a_slot_that_moved_and_the_map_is_asked_for_again(tmp_path: Path) -> None:
    failures: Counter[str] = Counter()
    async with a_cluster(tmp_path) as cluster, opened(cluster.url, failures) as shards:
        await shards.run(COUNT, "eu", 1)
        key = shards.key("eu", "count")
        source = cluster.primary(key)
        target = next(server for server in cluster.primaries if server is not source)
        source.call("DEL", key)
        cluster.move_slot(slot_of(key.encode()), source, target)

        answers = await asyncio.gather(*(shards.run(COUNT, "eu", 1) for _ in range(50)))

        assert list(range(1, 51)) == sorted(answers)
        assert target.call("GET", key) == b"50"
        moved_before = _moved(source)
        await asyncio.gather(*(shards.run(COUNT, "eu", 1) for _ in range(50)))
        assert moved_before == _moved(source)
    assert failures == {}


async def test_a_slot_under_way_is_asked_for_at_both_nodes(tmp_path: Path) -> None:
    async with a_cluster(tmp_path) as cluster, opened(cluster.url) as shards:
        key = shards.key("eu", "count")
        source = cluster.primary(key)
        target = next(server for server in cluster.primaries if server is not source)
        slot = slot_of(key.encode())
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", node_id(source))
        source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", node_id(target))

        answers = await asyncio.gather(*(shards.run(COUNT, "eu", 1) for _ in range(10)))

        assert list(range(1, 11)) == sorted(answers)


async def test_a_listener_of_a_slot_that_moved_is_told_and_hears_again_at_the_new_node(tmp_path: Path) -> None:
    notes = Notes()
    async with a_cluster(tmp_path) as cluster, opened(cluster.url) as shards:
        channel = shards.key("eu", "notices")
        await shards.listen("eu", "notices", notes.take, notes.broken)
        source = cluster.primary(channel)
        target = next(server for server in cluster.primaries if server is not source)
        cluster.move_slot(slot_of(channel.encode()), source, target)
        await notes.until(lambda: notes.breaks == 1)

        await shards.listen("eu", "notices", notes.take, notes.broken)
        target.call("SPUBLISH", channel, "hello")
        await notes.until(lambda: notes.messages == [b"hello"])

        assert notes.breaks == 1


async def test_a_dead_primary_is_unavailable_and_its_replica_serves_soon(tmp_path: Path) -> None:
    failures: Counter[str] = Counter()
    async with a_cluster(tmp_path, replicas=3) as cluster, opened(cluster.url, failures) as shards:
        await asyncio.gather(*(shards.run(COUNT, tag, 1) for tag in TAGS))
        victim = cluster.primary(shards.key("region0"))
        safe = next(tag for tag in TAGS if cluster.primary(shards.key(tag)) is not victim)
        await asyncio.gather(*(shards.command(tag, "WAIT", 1, 1000) for tag in TAGS))

        victim.kill()
        assert await shards.run(COUNT, safe, 1) == 2
        async with asyncio.timeout(20):
            while not await _serves(shards, "region0"):  # noqa: ASYNC110 - the cluster decides
                await asyncio.sleep(0.05)

        assert await shards.run(READ, "region0") == b"1"
        assert await shards.run(COUNT, "region0", 1) == 2
    assert failures.total() > 0


@pytest.mark.parametrize(
    ("enabled", "sentence"), [("yes", "the cluster is not made yet"), ("no", "cluster support disabled")]
)
async def test_a_cluster_that_is_none_is_named_at_open(tmp_path: Path, enabled: str, sentence: str) -> None:
    options = {"cluster-enabled": enabled, "cluster-port": str(free_port())}
    async with RedisServer(tmp_path, options=options) as server:
        await refused(server.url + "?cluster=1", Unavailable, sentence)


async def _serves(shards: Shards, tag: str) -> bool:
    try:
        await shards.run(READ, tag)
    except Unavailable:
        return False
    return True


def _moved(server: RedisServer) -> bytes:
    errors = server.call("INFO", "errorstats")
    assert isinstance(errors, bytes)
    return next(line for line in errors.splitlines() if line.startswith(b"errorstat_MOVED"))
