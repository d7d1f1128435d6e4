"""The client SDK comes back after a cut, as often and as long as it is worth it."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

import moorage
from moorage.errors import CATALOGUE, Code, MoorageError, SessionOver, close_reason
from moorage.io.client import Connection
from tests.moorage.io.harbour import WAIT, eventually
from tests.moorage.io.scripted import Step, a_gateway, closes, cuts, echo, failure, ping, refuses
from tests.owntime import within


@pytest.mark.parametrize(
    "lost",
    [
        cuts(after=1),
        closes(1001, after=1),
        closes(1012, close_reason(Code.DRAINING, 0.01), after=1),
        closes(4502, close_reason(Code.WORKER_LOST, 0.01), after=1),
        closes(4421, close_reason(Code.IDLE_TIMEOUT, 0.01), after=1),
    ],
    ids=["cut", "1001", "1012", "4502", "4421"],
)
async def test_a_lost_connection_is_opened_again_and_the_session_goes_on(lost: Step) -> None:
    async with a_gateway(lost, echo) as gateway, moorage.connect(gateway.url, "tok") as ws:
        await ws.send("one")
        assert await ws.recv() == "one"
        await eventually(lambda: ws.attaches == 2)
        await ws.send("two")

        assert await ws.recv() == "two"
        assert gateway.tokens == ["tok", "tok"]


async def test_reading_and_sending_wait_for_the_next_connection() -> None:
    async with a_gateway(cuts(after=1), echo) as gateway, moorage.connect(gateway.url, "tok") as ws:
        await ping(ws)
        await eventually(lambda: not ws.is_connected or ws.attaches == 2)
        reading = asyncio.ensure_future(ws.recv())
        await ws.send("hello")

        assert await asyncio.wait_for(reading, WAIT) == "hello"


async def test_what_came_before_the_cut_is_still_read() -> None:
    async def burst(socket: ServerConnection) -> None:
        for number in range(3):
            await socket.send(str(number))
        await socket.close(1012)

    async def more(socket: ServerConnection) -> None:
        await socket.send("3")
        await socket.close()

    async with a_gateway(burst, more) as gateway, moorage.connect(gateway.url, "tok") as ws:
        assert [message async for message in ws] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_reconnect_is_told(is_async: bool) -> None:
    told: list[int] = []

    def plain(ws: Connection) -> None:
        told.append(ws.attaches)
        raise RuntimeError("a callback's own trouble")

    async def waiting(ws: Connection) -> None:
        told.append(ws.attaches)
        await ws.send("resume from 7")

    on_reconnect = waiting if is_async else plain
    async with (
        a_gateway(cuts(after=1), closes(1000, after=1)) as gateway,
        moorage.connect(gateway.url, "tok", on_reconnect=on_reconnect) as ws,
    ):
        await ping(ws)
        await eventually(lambda: told)
        if not is_async:
            await ws.send("resume from 7")
        heard = [message async for message in ws]

    assert told == [2]
    assert heard == ["resume from 7"]


async def test_refusals_on_the_way_back_are_waited_out() -> None:
    back = [refuses(Code.NO_CAPACITY), refuses(Code.ADMISSION_TIMEOUT), refuses(Code.STORE_UNAVAILABLE), echo]
    async with a_gateway(cuts(after=1), *back) as gateway, moorage.connect(gateway.url, "tok") as ws:
        await ping(ws)
        await eventually(lambda: len(gateway.tokens) == 5)
        await ping(ws)


async def test_an_outage_longer_than_the_session_is_kept_is_raised() -> None:
    async def lose(ws: Connection) -> None:
        await ping(ws)
        await ws.recv()

    async with (
        a_gateway(cuts(after=1), refuses(Code.NO_CAPACITY)) as gateway,
        moorage.connect(gateway.url, "tok", resume_seconds=0.3) as ws,
    ):
        with pytest.raises(MoorageError) as caught:
            await lose(ws)

    assert caught.value.code is Code.NO_CAPACITY


async def test_a_retry_after_beyond_the_patience_is_raised_at_once() -> None:
    async with a_gateway(closes(1012, close_reason(Code.DRAINING, 60.0))) as gateway:
        error = await within(2.0, failure(gateway))

    assert (error.code, error.retry_after) == (Code.DRAINING, 60.0)


async def test_a_server_that_is_gone_is_raised_after_the_patience() -> None:
    async with a_gateway(echo) as gateway:
        ws = await moorage.connect(gateway.url, "tok", resume_seconds=0.3)
    with pytest.raises(MoorageError) as caught:
        await asyncio.wait_for(ws.recv(), WAIT)

    assert caught.value.code in (Code.WEBSOCKET_CONNECTION_FAILED, Code.DRAINING)
    await ws.close()


@pytest.mark.parametrize("code", [Code.SESSION_SUPERSEDED, Code.SESSION_ENDED, Code.SESSION_EXPIRED])
@pytest.mark.parametrize("after", [0, 1])
async def test_a_session_that_is_over_is_never_tried_again(code: Code, after: int) -> None:
    close = CATALOGUE[code].close
    assert close is not None
    async with a_gateway(closes(close, close_reason(code), after)) as gateway:
        error = await failure(gateway, say="x")

    assert isinstance(error, SessionOver)
    assert error.code is code
    assert len(gateway.tokens) == 1


@pytest.mark.parametrize(
    ("close", "code"),
    [
        (1011, Code.INTERNAL),
        (1002, Code.PROTOCOL_ERROR),
        (1009, Code.MESSAGE_TOO_BIG),
        (4423, Code.BYTES_LIMIT),
        (4403, Code.PERMISSION_DENIED),
        (4404, Code.SESSION_NOT_FOUND),
        (3999, Code.SESSION_ENDED),
    ],
)
async def test_what_cannot_come_back_is_raised_with_its_code(close: int, code: Code) -> None:
    async with a_gateway(closes(close)) as gateway:
        error = await failure(gateway)

    assert error.code is code
    assert len(gateway.tokens) == 1


async def test_a_message_over_the_clients_bound_is_an_error() -> None:
    async def big(socket: ServerConnection) -> None:
        await socket.send("x" * 101)
        await socket.wait_closed()

    async with a_gateway(big) as gateway:
        assert (await failure(gateway, max_size=100)).code is Code.MESSAGE_TOO_BIG
