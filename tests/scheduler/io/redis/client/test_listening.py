"""Messages come, and whoever may have missed one is told once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

import pytest

from scheduler.io.redis.client.failures import StoreFailed
from scheduler.store import Unavailable
from tests.deadlines import SOON
from tests.redis_server import RedisServer
from tests.scheduler.io.redis.client.test_shards import opened


class Notes:
    """What a listener was told."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.breaks = 0
        self._changed = asyncio.Event()

    def take(self, message: bytes) -> None:
        self.messages.append(message)
        self._changed.set()

    def broken(self) -> None:
        self.breaks += 1
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not condition():
                await self._changed.wait()
                self._changed.clear()


async def test_a_listener_hears_its_own_channel_in_order(server: RedisServer) -> None:
    notes = Notes()
    async with opened(server.url) as shards:
        listening = await shards.listen("eu", "gateway", notes.take, notes.broken)
        for number in range(100):
            server.call("SPUBLISH", shards.key("eu", "gateway"), str(number))
        server.call("SPUBLISH", shards.key("us", "gateway"), "another tag's")
        await notes.until(lambda: len(notes.messages) >= 100)
        listening.close()

    assert [str(number).encode() for number in range(100)] == notes.messages
    assert notes.breaks == 0


async def test_after_close_nothing_comes_and_the_server_knows(server: RedisServer) -> None:
    notes, others = Notes(), Notes()
    async with opened(server.url) as shards:
        listening = await shards.listen("eu", "gateway", notes.take, notes.broken)
        await shards.listen("eu", "other", others.take, others.broken)
        listening.close()
        server.call("SPUBLISH", shards.key("eu", "gateway"), "late")
        server.call("SPUBLISH", shards.key("eu", "other"), "on time")
        await others.until(lambda: bool(others.messages))

        assert [shards.key("eu", "other").encode()] == server.call("PUBSUB", "SHARDCHANNELS")
    assert (notes.messages, notes.breaks) == ([], 0)


async def test_two_listeners_of_one_channel_both_hear_it_and_one_may_leave(server: RedisServer) -> None:
    first, second = Notes(), Notes()
    async with opened(server.url) as shards:
        leaving = await shards.listen("eu", "c", first.take, first.broken)
        await shards.listen("eu", "c", second.take, second.broken)
        leaving.close()
        server.call("SPUBLISH", shards.key("eu", "c"), "hello")
        await second.until(lambda: bool(second.messages))

    assert first.messages == []


@pytest.mark.parametrize("way", ["kill", "client kill"])
async def test_a_lost_connection_breaks_every_listener_once_and_listening_again_works(
    server: RedisServer, way: str
) -> None:
    notes = Notes()
    async with opened(server.url) as shards:
        for channel in ("a", "b"):
            await shards.listen("eu", channel, notes.take, notes.broken)
        if way == "kill":
            await server.restart()
        else:
            server.call("CLIENT", "KILL", "TYPE", "pubsub")
        await notes.until(lambda: notes.breaks >= 2)

        await shards.listen("eu", "a", notes.take, notes.broken)
        server.call("SPUBLISH", shards.key("eu", "a"), "again")
        await notes.until(lambda: bool(notes.messages))

        assert notes.breaks == 2
    assert notes.breaks == 3  # closing the store breaks who still listens


async def test_a_server_that_falls_silent_is_noticed_though_nobody_asks(server: RedisServer) -> None:
    notes = Notes()
    async with opened(server.url + "?answer_seconds=0.3") as shards:
        await shards.listen("eu", "a", notes.take, notes.broken)
        server.pause()

        await notes.until(lambda: notes.breaks == 1)

        server.resume()


async def test_what_a_listener_raises_does_not_reach_the_others(server: RedisServer) -> None:
    notes, turns = Notes(), count()

    def raising(_: bytes) -> None:
        next(turns)
        raise RuntimeError("a bug")

    async with opened(server.url) as shards:
        await shards.listen("eu", "a", raising, notes.broken)
        await shards.listen("eu", "a", notes.take, notes.broken)
        server.call("SPUBLISH", shards.key("eu", "a"), "1")
        await notes.until(lambda: bool(notes.messages))

    assert next(turns) == 1


async def test_listening_that_is_not_allowed_says_so(server: RedisServer) -> None:
    server.call("ACL", "SETUSER", "moorage", "on", ">pw", "~*", "resetchannels", "+@all")
    url = server.url.replace("redis://", "redis://moorage:pw@")
    notes = Notes()
    async with opened(url) as shards:
        with pytest.raises(StoreFailed, match="does not let this user do that"):
            await shards.listen("eu", "a", notes.take, notes.broken)
    assert notes.breaks == 0


async def test_listening_at_a_server_that_is_away_raises(server: RedisServer) -> None:
    notes = Notes()
    async with opened(server.url + "?connect_seconds=0.3") as shards:
        server.kill()
        with pytest.raises(Unavailable):
            await shards.listen("eu", "a", notes.take, notes.broken)
    assert notes.breaks == 0
