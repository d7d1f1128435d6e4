"""The same client on Redis itself, in the version that Debian has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.redis_server import RedisServer, debian_program
from tests.scheduler.io.redis.client.test_listening import Notes
from tests.scheduler.io.redis.client.test_shards import COUNT, opened

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(debian_program() is None, reason="needs Debian's redis-server"),
]


@pytest_asyncio.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """Redis, which keeps its data."""
    async with RedisServer(tmp_path / "redis", program=debian_program(), keeps_data=True) as running:
        yield running


async def test_scripts_messages_and_a_restart_with_data(redis: RedisServer) -> None:
    notes = Notes()
    async with opened(redis.url) as shards:
        await asyncio.gather(*(shards.run(COUNT, "eu", 1) for _ in range(100)))
        await shards.listen("eu", "notices", notes.take, notes.broken)
        redis.call("SPUBLISH", shards.key("eu", "notices"), "hello")
        await notes.until(lambda: notes.messages == [b"hello"])

        await redis.restart()
        await notes.until(lambda: notes.breaks == 1)

        assert await shards.run(COUNT, "eu", 1) == 101


async def test_a_user_of_its_own(redis: RedisServer) -> None:
    redis.call("ACL", "SETUSER", "moorage", "on", ">pw", "~*", "&*", "+@all")

    async with opened(redis.url.replace("//", "//moorage:pw@")) as shards:
        assert await shards.command("eu", "ACL", "WHOAMI") == b"moorage"
