"""The client SDK against servers that answer as a gateway does."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import trustme
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

import moorage
from moorage.errors import CATALOGUE, Code, MoorageError, SessionOver, close_reason
from moorage.io.client import Connection
from tests.moorage.io.harbour import WAIT, eventually

Step = Callable[[ServerConnection], Awaitable[None]]


@dataclass
class Gateway:
    """Plays one step for each connection; the last one is repeated."""

    url: str = ""
    steps: list[Step] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    offered: list[str] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes] | None] = field(
        default_factory=list
    )  # HTTP refusals, one a request

    async def converse(self, socket: ServerConnection) -> None:
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        await step(socket)

    def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self.tokens.append(request.headers["Authorization"].removeprefix("Bearer "))
        self.offered.append(request.headers["Sec-WebSocket-Protocol"])
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            return None
        status, headers, body = answer
        response = socket.respond(status, "")
        del response.headers["Content-Length"]
        response.headers.update({**headers, "Content-Length": str(len(body))})
        response.body = body
        return response


@asynccontextmanager
async def a_gateway(*steps: Step, tls: ssl.SSLContext | None = None) -> AsyncIterator[Gateway]:
    gateway = Gateway(steps=list(steps) or [echo])
    async with serve(
        gateway.converse,
        "127.0.0.1",
        0,
        process_request=gateway.admit,
        subprotocols=[Subprotocol("moorage.v1")],
        ssl=tls,
    ) as server:
        port = server.sockets[0].getsockname()[1]
        gateway.url = f"wss://localhost:{port}" if tls else f"ws://127.0.0.1:{port}"
        yield gateway


async def echo(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


def closes(code: int, reason: bytes = b"", after: int = 0) -> Step:
    """Echoes so many messages, then closes."""

    async def step(socket: ServerConnection) -> None:
        for _ in range(after):
            await socket.send(await socket.recv())
        await socket.close(code, reason.decode())

    return step


def cuts(after: int) -> Step:
    """Echoes so many messages, then the TCP connection is gone."""

    async def step(socket: ServerConnection) -> None:
        for _ in range(after):
            await socket.send(await socket.recv())
        socket.transport.abort()

    return step


def refuses(code: Code, retry_after: float | None = 0.01) -> Step:
    """As the gateway does: accepted, and closed in the same breath."""
    close = CATALOGUE[code].close
    assert close is not None
    return closes(close, close_reason(code, retry_after))


async def failure(gateway: Gateway, say: str = "", **options: Any) -> MoorageError:
    async def converse() -> None:
        async with moorage.connect(gateway.url, "tok", **options) as ws:
            if say:
                await ws.send(say)
            async for _ in ws:
                pass

    with pytest.raises(MoorageError) as caught:
        await converse()
    return caught.value


async def ping(ws: Connection) -> None:
    """One message there and back: the connection is up."""
    await ws.send("ping")
    assert await ws.recv() == "ping"


async def test_a_conversation() -> None:
    async with a_gateway() as gateway, moorage.connect(gateway.url, "tok") as ws:
        await ws.send("ü")
        await ws.send(b"\x00")

        assert [await ws.recv(), await anext(ws)] == ["ü", b"\x00"]
        assert (ws.attaches, ws.is_connected, ws.subprotocol) == (1, True, "moorage.v1")
    assert gateway.tokens == ["tok"]
    assert gateway.offered == ["moorage.v1"]


async def test_connecting_may_be_awaited() -> None:
    async with a_gateway() as gateway:
        ws = await moorage.connect(gateway.url, "tok")
        await ws.send("a")
        assert await ws.recv() == "a"
        await ws.close()
        await ws.close()

        assert not ws.is_connected
        with pytest.raises(SessionOver):
            await ws.send("b")
        with pytest.raises(SessionOver):
            await ws.recv()


async def test_iteration_ends_when_the_worker_closes() -> None:
    async with a_gateway(closes(1000, after=1)) as gateway, moorage.connect(gateway.url, "tok") as ws:
        await ws.send("a")

        assert [message async for message in ws] == ["a"]
        with pytest.raises(SessionOver) as caught:
            await ws.recv()
        assert caught.value.code is Code.SESSION_ENDED


@pytest.mark.parametrize("leave", [1000, 1001])
async def test_the_client_says_whether_it_comes_back(leave: int) -> None:
    seen: list[int | None] = []

    async def note(socket: ServerConnection) -> None:
        await socket.wait_closed()
        seen.append(socket.close_code)

    async with a_gateway(note) as gateway:
        ws = await moorage.connect(gateway.url, "tok")
        await ws.close(leave)
        await eventually(lambda: seen)

    assert seen == [leave]


# Coming back.


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
        error = await asyncio.wait_for(failure(gateway), 2.0)

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


# The first connection.


@pytest.mark.parametrize("code", [Code.NO_CAPACITY, Code.RATE_LIMIT_EXCEEDED, Code.SESSION_LIMIT_EXCEEDED])
async def test_a_lack_of_room_is_raised_at_once(code: Code) -> None:
    async with a_gateway(refuses(code, 2.5)) as gateway:
        with pytest.raises(MoorageError) as caught:
            await moorage.connect(gateway.url, "tok")

    assert (caught.value.code, caught.value.retry_after) == (code, 2.5)
    assert len(gateway.tokens) == 1


async def test_a_draining_gateway_is_tried_again() -> None:
    steps = (refuses(Code.DRAINING), refuses(Code.DRAINING), echo)
    async with a_gateway(*steps) as gateway, moorage.connect(gateway.url, "tok") as ws:
        await ping(ws)

        assert (len(gateway.tokens), ws.attaches) == (3, 1)


async def test_nobody_there_is_raised_with_the_address() -> None:
    with pytest.raises(MoorageError) as caught:
        await moorage.connect("ws://127.0.0.1:1", "tok", connect_seconds=0.0)

    assert caught.value.code is Code.WEBSOCKET_CONNECTION_FAILED
    assert "ws://127.0.0.1:1" in str(caught.value)


async def test_a_silent_server_is_given_up() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(MoorageError) as caught:
            await moorage.connect(url, "tok", open_seconds=0.1, connect_seconds=0.0)

    assert "no answer in time" in str(caught.value)


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b""])
async def test_a_server_that_speaks_something_else_is_an_error(answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(MoorageError) as caught:
            await moorage.connect(url, "tok", connect_seconds=0.0)

    assert caught.value.code is Code.WEBSOCKET_CONNECTION_FAILED


async def test_an_http_refusal_is_typed_too() -> None:
    body = json.dumps({"code": "SESSION_LIMIT_EXCEEDED", "detail": "3 of 3 sessions"}).encode()
    async with a_gateway() as gateway:
        gateway.answers = [(429, {"Retry-After": "7"}, body)]
        with pytest.raises(MoorageError) as caught:
            await moorage.connect(gateway.url, "tok")

    assert caught.value.code is Code.SESSION_LIMIT_EXCEEDED
    assert (str(caught.value), caught.value.retry_after) == ("3 of 3 sessions", 7.0)


@pytest.mark.parametrize("url", ["http://x", "localhost:7400", ""])
def test_a_wrong_url_is_named(url: str) -> None:
    with pytest.raises(ValueError, match="ws:// or wss://"):
        moorage.connect(url, "tok")


# Tokens.


async def test_a_refused_token_is_replaced_by_one_fresh_one() -> None:
    fetched: list[str] = []

    async def fetch() -> str:
        fetched.append(f"tok{len(fetched)}")
        return fetched[-1]

    async with (
        a_gateway(refuses(Code.INVALID_SESSION_TOKEN), echo) as gateway,
        moorage.connect(gateway.url, fetch) as ws,
    ):
        await ws.send("hello")
        assert await ws.recv() == "hello"

    assert gateway.tokens == fetched == ["tok0", "tok1"]


async def test_a_second_refusal_is_final() -> None:
    async with a_gateway(refuses(Code.INVALID_SESSION_TOKEN)) as gateway:
        with pytest.raises(MoorageError) as caught:
            await moorage.connect(gateway.url, lambda: "tok")

    assert caught.value.code is Code.INVALID_SESSION_TOKEN
    assert len(gateway.tokens) == 2


async def test_a_plain_token_is_not_shown_twice() -> None:
    async with a_gateway(refuses(Code.INVALID_SESSION_TOKEN)) as gateway:
        with pytest.raises(MoorageError):
            await moorage.connect(gateway.url, "tok")

    assert gateway.tokens == ["tok"]


async def test_a_token_that_expired_during_the_session_is_replaced_on_the_way_back() -> None:
    tokens = iter(["old", "new"])
    steps = (cuts(after=1), refuses(Code.INVALID_SESSION_TOKEN), echo)
    async with a_gateway(*steps) as gateway, moorage.connect(gateway.url, lambda: next(tokens)) as ws:
        await ping(ws)
        await eventually(lambda: len(gateway.tokens) == 3)
        await ping(ws)

        assert gateway.tokens == ["old", "old", "new"]


async def test_a_token_function_that_fails_is_an_error_without_the_secret() -> None:
    def fetch() -> str:
        raise RuntimeError("hunter2")

    with pytest.raises(MoorageError) as caught:
        await moorage.connect("ws://127.0.0.1:1", fetch)

    assert caught.value.code is Code.INVALID_SESSION_TOKEN
    assert "hunter2" not in str(caught.value)


# TLS.


async def test_wss() -> None:
    authority = trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(served)
    authority.configure_trust(trusted)

    async with a_gateway(tls=served) as gateway, moorage.connect(gateway.url, "tok", ssl=trusted) as ws:
        await ws.send("hello")
        assert await ws.recv() == "hello"


async def test_an_untrusted_certificate_is_not_tried_again() -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(served)

    async with a_gateway(tls=served) as gateway:
        with pytest.raises(MoorageError) as caught:
            await asyncio.wait_for(moorage.connect(gateway.url, "tok")._open(), 5.0)

    assert "certificate is not trusted" in str(caught.value)
    assert gateway.tokens == []
