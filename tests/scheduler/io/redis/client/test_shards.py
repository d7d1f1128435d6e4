"""Scripts and commands against a real server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from scheduler.io.redis.client.failures import StoreFailed
from scheduler.io.redis.client.shards import Shards
from scheduler.store import Unavailable
from scheduler.storeurl import parse_store_url
from tests.redis_server import RedisServer
from tests.scheduler.io.redis.client.fake import a_script

Failed = TypeVar("Failed", bound=Exception)

COUNT = a_script("count", "return redis.call('INCRBY', KEYS[1] .. 'count', ARGV[1])")
READ = a_script("read", "return redis.call('GET', KEYS[1] .. 'count')", is_idempotent=True)


@asynccontextmanager
async def opened(url: str, failures: Counter[str] | None = None) -> AsyncIterator[Shards]:
    """Open shards at `url`; failures are counted by kind."""
    counted: Counter[str] = Counter() if failures is None else failures
    shards = Shards(parse_store_url(url), lambda kind: counted.update([kind]))
    await shards.open()
    try:
        yield shards
    finally:
        await shards.close()


async def refused(url: str, kind: type[Failed], sentence: str) -> Failed:
    """Opens at `url` and wants this error, with a sentence that matches."""
    shards = Shards(parse_store_url(url))
    try:
        with pytest.raises(kind, match=sentence) as caught:
            await shards.open()
    finally:
        await shards.close()
    return caught.value


async def test_a_script_runs_without_having_been_loaded_and_builds_its_keys_from_the_tag(server: RedisServer) -> None:
    async with opened(server.url + "?prefix=blue") as shards:
        answers = [await shards.run(COUNT, "eu", 2), await shards.run(COUNT, "eu", 3), await shards.run(COUNT, "us", 1)]

    assert answers == [2, 5, 1]
    assert server.call("GET", "{blue:eu}count") == b"5"


async def test_calls_of_one_turn_are_answered_in_order(server: RedisServer) -> None:
    async with opened(server.unix_url) as shards:
        answers = await asyncio.gather(*(shards.run(COUNT, "eu", 1) for _ in range(1000)))

    assert list(range(1, 1001)) == sorted(answers)


async def test_a_script_that_the_server_forgot_is_loaded_again_once(server: RedisServer) -> None:
    async with opened(server.url) as shards:
        await shards.run(COUNT, "eu", 1)
        server.call("FUNCTION", "FLUSH")

        await asyncio.gather(*(shards.run(COUNT, "eu", 1) for _ in range(50)))

        assert await shards.command("eu", "GET", shards.key("eu", "count")) == b"51"
    loads = [line for line in str(server.call("INFO", "commandstats")).split("\\r\\n") if "function|load" in line]
    assert "calls=2," in loads[0]


async def test_waiters_that_were_cancelled_do_not_shift_the_answers_of_others(server: RedisServer) -> None:
    async with opened(server.url) as shards:
        asked = [shards.command("eu", "ECHO", str(number)) for number in range(10)]
        for number in (0, 3, 9):
            asked[number].cancel()

        answers = await asyncio.gather(*asked, return_exceptions=True)

    assert [answers[1], answers[2], answers[4]] == [b"1", b"2", b"4"]


async def test_an_error_in_a_script_is_unavailable_and_counted(server: RedisServer) -> None:
    failures: Counter[str] = Counter()
    async with opened(server.url, failures) as shards:
        with pytest.raises(Unavailable, match="answered wrong with an error"):
            await shards.run(a_script("wrong", "return redis.call('nonsense')"), "eu")

    assert failures == {"error": 1}


async def test_a_password_is_used_and_a_wrong_one_is_named_at_once(server: RedisServer) -> None:
    server.call("ACL", "SETUSER", "moorage", "on", ">secret", "~*", "&*", "+@all")
    place = server.url.removeprefix("redis://")

    async with opened(f"redis://moorage:secret@{place}") as shards:
        assert await shards.command("eu", "ACL", "WHOAMI") == b"moorage"
    error = await refused(f"redis://moorage:false@{place}", StoreFailed, "refuses user or password")
    assert error.kind == "auth"


async def test_a_server_that_is_not_there_is_named(server: RedisServer) -> None:
    server.stop()

    await refused(server.url + "?connect_seconds=0.2", StoreFailed, "cannot connect to Redis at 127")


async def test_opening_again_waits_again(server: RedisServer) -> None:
    server.stop()
    shards = Shards(parse_store_url(server.url + "?connect_seconds=0.1"))
    with pytest.raises(Unavailable):
        await shards.open()
    await server.start()
    async with asyncio.timeout(5):
        while not await _opens(shards):
            pass

    assert await shards.run(COUNT, "eu", 1) == 1
    await shards.close()


async def _opens(shards: Shards) -> bool:
    try:
        await shards.open()
    except Unavailable:
        return False
    return True


async def test_calls_wait_out_a_short_break(server: RedisServer) -> None:
    async with opened(server.url) as shards:
        await shards.run(COUNT, "eu", 7)
        await server.restart()

        answer = await shards.run(COUNT, "eu", 1)

    assert answer == 1


async def test_a_server_that_does_not_answer_fails_what_is_in_flight_and_serves_again_later(
    server: RedisServer,
) -> None:
    failures: Counter[str] = Counter()
    async with opened(server.url + "?answer_seconds=0.3&connect_seconds=0.3", failures) as shards:
        server.pause()
        answers = await asyncio.gather(shards.run(COUNT, "eu", 1), shards.run(READ, "eu"), return_exceptions=True)
        server.resume()
        async with asyncio.timeout(5):
            while await _fails(shards):  # noqa: ASYNC110 - the condition is the server's
                await asyncio.sleep(0.02)

    assert [StoreFailed, StoreFailed] == [type(answer) for answer in answers]
    assert failures["timeout"] >= 3


async def _fails(shards: Shards) -> bool:
    try:
        await shards.run(READ, "eu")
    except Unavailable:
        return True
    return False
