"""What is asked again after a break, what is not, and how long anybody waits."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from scheduler.io.redis.client.failures import StoreFailed
from scheduler.store import Unavailable
from tests.redis_server import RedisServer
from tests.scheduler.io.redis.client.fake import Answer, a_script, faked
from tests.scheduler.io.redis.client.test_shards import COUNT, opened

CLAIM = a_script("claim", "return 1")
LOOK = a_script("look", "return 2", is_idempotent=True)


def breaking_off_once() -> Answer:
    """The first call is taken and never answered: the connection ends. All later ones are answered with 7."""
    broken: list[bool] = []

    async def answer(_: list[bytes], writer: asyncio.StreamWriter) -> None:
        if not broken:
            broken.append(True)
            raise ConnectionResetError
        writer.write(b":7\r\n")

    return answer


async def test_an_idempotent_script_that_was_in_flight_is_asked_once_more() -> None:
    failures: Counter[str] = Counter()
    async with faked(breaking_off_once()) as fake, opened(fake.url, failures) as shards:
        assert await shards.run(LOOK, "eu") == 7

    assert failures == {"lost": 1}  # the connection; no call
    assert fake.seen[b"FCALL"] == 2


async def test_any_other_that_was_in_flight_fails_and_the_next_one_is_served() -> None:
    failures: Counter[str] = Counter()
    async with faked(breaking_off_once()) as fake, opened(fake.url, failures) as shards:
        with pytest.raises(StoreFailed, match="was lost"):
            await shards.run(CLAIM, "eu")
        assert await shards.run(CLAIM, "eu") == 7

    assert failures == {"lost": 2}  # the connection and the call


async def test_a_call_that_was_never_written_is_sent_on_the_next_connection(server: RedisServer) -> None:
    async with opened(server.url) as shards:
        connection = shards._servers.node(b"")._connection
        assert connection is not None
        assert connection._transport is not None
        asked = shards.run(COUNT, "eu", 1)
        connection._transport.abort()
        connection.connection_lost(None)

        assert await asked == 1


async def test_after_a_long_outage_calls_fail_at_once_with_the_reason(server: RedisServer) -> None:
    loop = asyncio.get_running_loop()
    async with opened(server.url + "?answer_seconds=0.3") as shards:
        server.kill()
        with pytest.raises(Unavailable):
            await shards.run(COUNT, "eu", 1)
        waited_from = loop.time()
        with pytest.raises(Unavailable, match="cannot connect to Redis"):
            await shards.run(COUNT, "eu", 1)
        waited = loop.time() - waited_from
        await asyncio.gather(*(shards.run(COUNT, "eu", 1) for _ in range(3)), return_exceptions=True)

        at_once = shards.run(COUNT, "eu", 1)

        assert at_once.done()
        assert isinstance(at_once.exception(), StoreFailed)
    assert waited < 1.0


async def test_closing_fails_what_is_in_flight_and_what_comes_after(server: RedisServer) -> None:
    async with opened(server.url) as shards:
        server.pause()
        asked = shards.run(COUNT, "eu", 1)
        await asyncio.sleep(0)
        await shards.close()

        for call in (asked, shards.run(COUNT, "eu", 1)):
            with pytest.raises(StoreFailed, match="is closed"):
                await call
        server.resume()


async def test_a_server_that_has_become_silent_is_noticed_before_a_call_is_lost(server: RedisServer) -> None:
    failures: Counter[str] = Counter()
    async with opened(server.url + "?answer_seconds=0.3", failures):
        server.pause()
        async with asyncio.timeout(5):
            while not failures["timeout"]:  # noqa: ASYNC110 - the counter is the client's
                await asyncio.sleep(0.02)
        server.resume()


async def test_the_server_sees_our_name(server: RedisServer) -> None:
    async with opened(server.url) as shards:
        assert await shards.command("eu", "CLIENT", "GETNAME") == b"moorage"


async def test_a_database_is_selected(server: RedisServer) -> None:
    async with opened(server.url + "/3") as shards:
        await shards.run(COUNT, "eu", 1)

        info = await shards.command("eu", "CLIENT", "INFO")

    assert b" db=3 " in info


@pytest.mark.parametrize("wrong", [None, True, object()])
async def test_what_redis_has_no_word_for_is_a_bug_of_the_caller(server: RedisServer, wrong: object) -> None:
    async with opened(server.url) as shards:
        with pytest.raises(TypeError):
            shards.run(COUNT, "eu", wrong)  # type: ignore[arg-type]
        assert await shards.run(COUNT, "eu", 1) == 1


async def test_functions_that_cannot_be_loaded_say_why(server: RedisServer) -> None:
    server.call("ACL", "SETUSER", "moorage", "on", ">pw", "~*", "&*", "+@all", "-function|load")
    async with opened(server.url.replace("//", "//moorage:pw@")) as shards:
        with pytest.raises(StoreFailed, match=r"does not let this user do that.*function\|load"):
            await shards.run(COUNT, "eu", 1)
        server.call("ACL", "SETUSER", "moorage", "+function|load")

        assert await shards.run(COUNT, "eu", 1) == 1
