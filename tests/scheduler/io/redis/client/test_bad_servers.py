"""A server that is slow, wrong or hostile: one clear sentence, one count, a bounded number of tries."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from scheduler.io.redis.client.connection import Bounds
from scheduler.io.redis.client.failures import StoreFailed, word
from scheduler.io.redis.client.functions import Script
from scheduler.io.redis.client.node import MOST_STRAYS
from scheduler.io.redis.client.shards import Shards
from tests.scheduler.io.redis.client.fake import Fake, a_script, faked, saying
from tests.scheduler.io.redis.client.test_shards import opened, refused

CLAIM = a_script("claim", "return 1")
LOOK = a_script("look", "return 2", is_idempotent=True)
QUICK = "?answer_seconds=0.3&connect_seconds=0.3"


async def _failing(fake: Fake, script: Script = CLAIM, query: str = QUICK) -> tuple[StoreFailed, Counter[str]]:
    failures: Counter[str] = Counter()
    async with opened(fake.url + query, failures) as shards:
        async with asyncio.timeout(3):
            with pytest.raises(StoreFailed) as caught:
                await shards.run(script, "eu", 1)
    return caught.value, failures


@pytest.mark.parametrize(
    ("reply", "kind", "sentence"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "loading", "still reading its data"),
        (
            b"-READONLY You can't write against a read only replica.\r\n",
            "readonly",
            "point the store's URL at the primary",
        ),
        (b"-MASTERDOWN Link with MASTER is down\r\n", "masterdown", "lost its primary"),
        (b"-CLUSTERDOWN The cluster is down\r\n", "clusterdown", "CLUSTER INFO"),
        (
            b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
            "tryagain|timeout|connect",
            "moving these keys",
        ),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", "oom", "give it more memory"),
        (b"-NOAUTH Authentication required.\r\n", "auth", "put it into the store's URL"),
        (b"-NOPERM this user has no permissions\r\n", "auth", "ACL SETUSER"),
        (b"-ERR Function not found\r\n", "noscript", "FUNCTION FLUSH"),
        (b"-MOVED 1 127.0.0.1:1\r\n", "moved", "from node to node"),
        (b"-BUSY Redis is busy running a script.\r\n", "busy", "does not end"),
        (b"-MISCONF Errors writing to the AOF file\r\n", "disk", "to disk"),
        (b"-ERR something else\r\n", "error", "answered claim with an error: ERR something else"),
        (b"-\r\n", "error", "answered claim with an error"),
    ],
)
async def test_every_error_is_named_counted_and_asked_again_at_most_a_few_times(
    reply: bytes, kind: str, sentence: str
) -> None:
    async with faked(saying(reply)) as fake:
        error, failures = await _failing(fake, query="")

    assert error.kind.value in kind.split("|")
    assert sentence in str(error)
    assert failures[error.kind.value] >= 1
    assert fake.seen[b"FCALL"] <= 1 + MOST_STRAYS.get(word(reply[1:].decode()), 0)
    assert fake.connects <= 2


async def test_a_server_that_answers_too_late_is_given_up_and_all_in_flight_fails() -> None:
    async def late(_: list[bytes], writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2.0)
        writer.write(b":1\r\n")

    async with faked(late) as fake:
        error, failures = await _failing(fake)

    assert (error.kind, str(error)[-27:]) == ("timeout", "did not answer within 0.3 s")
    assert failures["timeout"] >= 1


@pytest.mark.parametrize(
    "noise",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\xff\x00",
        b":1\r\n:2\r\n:3\r\n",
        b"*-7\r\n",
        b":\r\n",
        b"%1\r\n*0\r\n:1\r\n",
    ],
)
async def test_nonsense_is_named_and_the_connection_is_given_up(noise: bytes) -> None:
    async with faked(saying(noise)) as fake:
        failures: Counter[str] = Counter()
        async with opened(fake.url + QUICK, failures) as shards:
            answers = await asyncio.gather(
                shards.run(CLAIM, "eu", 1), shards.run(CLAIM, "eu", 1), return_exceptions=True
            )
            async with asyncio.timeout(3):
                while not failures["protocol"]:  # noqa: ASYNC110 - the counter is the client's
                    await asyncio.sleep(0.01)

    assert failures["protocol"] >= 1
    assert all(isinstance(answer, (StoreFailed, int)) for answer in answers)


@pytest.mark.parametrize("half", [b"", b"$10\r\nhalf", b"*3\r\n:1\r\n"])
async def test_half_an_answer_and_then_the_end_fails_what_was_asked_but_asks_the_idempotent_once_more(
    half: bytes,
) -> None:
    async def break_off(_: list[bytes], writer: asyncio.StreamWriter) -> None:
        writer.write(half)
        await writer.drain()
        raise ConnectionResetError

    async with faked(break_off) as fake:
        error, failures = await _failing(fake)
        asked_once = fake.seen[b"FCALL"]
        again, _ = await _failing(fake, LOOK)

    assert (asked_once, fake.seen[b"FCALL"]) == (1, 3)
    assert (error.kind, again.kind) == ("lost", "lost")
    assert failures["lost"] >= 1


async def test_half_an_answer_and_then_silence_is_a_time_out() -> None:
    async with faked(saying(b"$10\r\nhalf")) as fake:
        error, _ = await _failing(fake)

    assert error.kind == "timeout"


async def test_a_server_that_closes_at_once_is_named_at_open() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await refused(f"redis://127.0.0.1:{port}{QUICK}", StoreFailed, "was lost")


async def test_a_server_that_never_greets_is_named_at_open() -> None:
    async def stare(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(stare, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await refused(
            f"redis://127.0.0.1:{port}{QUICK}", StoreFailed, r"did not let us in within 0\.3 s|not yet connected"
        )


async def test_reconnecting_to_a_server_that_always_breaks_off_slows_down() -> None:
    async def hang_up(_: list[bytes], writer: asyncio.StreamWriter) -> None:
        raise ConnectionResetError

    async with faked(hang_up) as fake, opened(fake.url + QUICK) as shards:
        async with asyncio.timeout(10):
            for _ in range(5):
                with pytest.raises(StoreFailed):
                    await shards.run(CLAIM, "eu", 1)

    assert fake.connects <= 7


async def test_beyond_the_bound_in_flight_calls_fail_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: list[bytes], __: asyncio.StreamWriter) -> None:
        pass

    monkeypatch.setattr(
        "scheduler.io.redis.client.dialing.Bounds", lambda answer_seconds: Bounds(10, 2000, answer_seconds)
    )
    failures: Counter[str] = Counter()
    async with faked(never) as fake, opened(fake.url + QUICK, failures) as shards:
        many = [shards.run(CLAIM, "eu", 1) for _ in range(12)]
        assert [number for number, call in enumerate(many) if call.done()] == [10, 11]
        await asyncio.gather(*many, return_exceptions=True)
        async with asyncio.timeout(3):
            while not await _is_connected(shards):  # noqa: ASYNC110 - the client reconnects by itself
                await asyncio.sleep(0.02)
        large = [shards.run(CLAIM, "eu", "x" * 1500) for _ in range(3)]
        assert [number for number, call in enumerate(large) if call.done()] == [2]
        await asyncio.gather(*large, return_exceptions=True)

    assert failures["overload"] == 3


async def _is_connected(shards: Shards) -> bool:
    try:
        return bool(await shards.command("eu", "PING") == b"PONG")
    except StoreFailed:
        return False


async def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.io.redis.client.connection.REPLY_BYTES", 1 << 20)
    async with faked(saying(b"$99999999\r\n" + b"x" * (2 << 20))) as fake:
        error, _ = await _failing(fake)

    assert "a reply of more than 1048576 bytes" in str(error)
