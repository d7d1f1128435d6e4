"""Sentinel: the primary is found, a fail-over is followed, and nobody writes to a replica."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from scheduler.io.redis.client.shards import Shards
from scheduler.store import Unavailable
from tests.redis_sentinel import NAME, Watched, watched
from tests.redis_server import free_port
from tests.scheduler.io.redis.client.test_listening import Notes
from tests.scheduler.io.redis.client.test_shards import COUNT, opened, refused

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 30.0


@pytest.mark.parametrize("way", ["kill", "pause", "order"])
async def test_a_fail_over_is_followed(tmp_path: Path, way: str) -> None:
    failures: Counter[str] = Counter()
    notes = Notes()
    url_options = "?answer_seconds=0.5&connect_seconds=0.5"
    async with watched(tmp_path) as fleet, opened(fleet.url + url_options, failures) as shards:
        await shards.run(COUNT, "eu", 1)
        await shards.listen("eu", "notices", notes.take, notes.broken)
        await _until_replicated(fleet, shards.key("eu", "count"))

        _change(fleet, way)
        count = await _counted_at(shards, fleet.replica.port)

        assert 2 <= count <= 100
        assert str(count).encode() == fleet.replica.call("GET", shards.key("eu", "count"))
        await notes.until(lambda: notes.breaks == 1)
        if way == "pause":
            fleet.primary.resume()
    if way != "order":
        assert failures.total() > 0


async def test_a_name_that_no_sentinel_knows_is_named(tmp_path: Path) -> None:
    async with watched(tmp_path) as fleet:
        url = fleet.url.replace(f"/{NAME}", "/other")
        await refused(url, Unavailable, r"no sentinel names the primary 'other'.*knows no primary of that name")


async def test_sentinels_that_are_away_are_named() -> None:
    url = f"redis+sentinel://127.0.0.1:{free_port()}/fleet?connect_seconds=0.3"
    await refused(url, Unavailable, "no sentinel names the primary 'fleet': cannot connect")


def _change(fleet: Watched, way: str) -> None:
    match way:
        case "kill":
            fleet.primary.kill()
        case "pause":
            fleet.primary.pause()
        case "order":
            fleet.sentinels[0].call("SENTINEL", "FAILOVER", NAME)


async def _until_replicated(fleet: Watched, key: str) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while fleet.replica.call("GET", key) is None:  # noqa: ASYNC110 - the replica reads when it reads
            await asyncio.sleep(0.02)


async def _counted_at(shards: Shards, port: int) -> int:
    """Counts until the server with this port does it; answers the count."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while True:
            try:
                serving = await shards.command("eu", "CONFIG", "GET", "port")
                count = await shards.run(COUNT, "eu", 1)
                if serving[b"port"] == str(port).encode():
                    return int(count)
            except Unavailable:
                pass
            await asyncio.sleep(0.1)
