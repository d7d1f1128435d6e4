"""A worker that dials out: what it does with orders and with gateways that answer oddly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from moorage.dialout import ADDRESS, SWITCHING
from moorage.examples.echo import echo
from moorage.io import outward
from moorage.io.worker import Worker
from scheduler.values import Claimed, Directive, Order
from tests.connections import http_get
from tests.moorage.io.harbour import WAIT, Harbour, a_worker, eventually, headers_for, session_id
from tests.redis_server import free_port

A, B = session_id("a"), session_id("b")
TICKET = "t" * 32

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Asking:
    """A gateway that asks workers to come, and answers as a test says."""

    harbour: Harbour
    port: int
    heads: list[bytes] = field(default_factory=list)

    async def ask(self, claimed: Claimed, seconds: float = 3.0, ticket: str = TICKET) -> None:
        """Over the link."""
        deadline = self.harbour.store.now() + seconds
        gateway = f"http://127.0.0.1:{self.port}"
        order = Directive(Order.ATTACH, claimed.session, claimed.fence, deadline, gateway=gateway, ticket=ticket)
        assert await self.harbour.store.direct(claimed.worker, order)


@contextlib.asynccontextmanager
async def asking(harbour: Harbour, answer: Answer, port: int = 0) -> AsyncIterator[Asking]:
    open_ones: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            gateway.heads.append(await reader.readuntil(b"\r\n\r\n"))
            await answer(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    gateway = Asking(harbour, server.sockets[0].getsockname()[1])
    try:
        yield gateway
    finally:
        server.close()
        for writer in open_ones:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        await server.wait_closed()


def saying(data: bytes) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    return answer


def upgrade(claimed: Claimed) -> bytes:
    """A client's upgrade as the gateway forwards it."""
    protocol = ClientProtocol(parse_uri("ws://127.0.0.1/"))
    request = protocol.connect()
    request.headers.update(headers_for(claimed))
    protocol.send_request(request)
    return b"".join(protocol.data_to_send())


@contextlib.asynccontextmanager
async def outgoing(harbour: Harbour, **options: object) -> AsyncIterator[Worker]:
    async with a_worker(harbour, echo, address=ADDRESS, **options) as worker:
        yield worker


async def test_it_shows_its_ticket_and_serves_what_comes_behind_the_answer_in_one_segment(harbour: Harbour) -> None:
    async with outgoing(harbour) as worker:
        claimed = await harbour.claim(A)
        heard: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(SWITCHING + upgrade(claimed) + b"\x81\x85\0\0\0\0early")
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            heard.append(await reader.readexactly(7))

        async with asking(harbour, answer) as gateway:
            await gateway.ask(claimed)
            await eventually(lambda: len(heard) == 2)
            assert worker.in_use == 1

    assert heard[0].startswith(b"HTTP/1.1 101 ")
    assert heard[1] == b"\x81\x05early"
    assert f"Moorage-Ticket: {TICKET}\r\n".encode() in gateway.heads[0]
    assert f"Moorage-Worker: {claimed.worker}\r\n".encode() in gateway.heads[0]


async def test_an_answer_may_come_byte_by_byte(harbour: Harbour) -> None:
    async with outgoing(harbour):
        claimed = await harbour.claim(A)
        heard: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for byte in SWITCHING + upgrade(claimed):
                writer.write(bytes((byte,)))
                await asyncio.sleep(0)
            heard.append(await reader.readuntil(b"\r\n\r\n"))

        async with asking(harbour, answer) as gateway:
            await gateway.ask(claimed)
            await eventually(lambda: heard)

    assert heard[0].startswith(b"HTTP/1.1 101 ")


async def test_an_order_that_comes_twice_is_followed_once(harbour: Harbour) -> None:
    async with outgoing(harbour) as worker:
        claimed = await harbour.claim(A)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(SWITCHING + upgrade(claimed))
            await reader.read()

        async with asking(harbour, answer) as gateway:
            await gateway.ask(claimed)
            await gateway.ask(claimed)
            await eventually(lambda: worker.in_use == 1)
            await gateway.ask(claimed)
            other = await harbour.claim(B)
            await gateway.ask(other)
            await eventually(lambda: len(gateway.heads) == 2)

    assert [A.encode() in head for head in gateway.heads] == [True, False]


async def test_a_gateway_that_is_not_there_yet_is_dialled_again_within_the_deadline(harbour: Harbour) -> None:
    async with outgoing(harbour):
        claimed = await harbour.claim(A)
        async with asking(harbour, saying(b"")) as gone:
            pass
        await gone.ask(claimed)
        async with asking(harbour, saying(b""), port=gone.port) as back:
            await eventually(lambda: back.heads)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (
            b'HTTP/1.1 401 Unauthorized\r\nContent-Length: 53\r\n\r\n{"code":"INVALID_TICKET","detail":"this came too late"}',
            "this came too late",
        ),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "answered 404"),
        (b"", "without an answer"),
        (b"SSH-2.0-x\r\n\r\n", "without an answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 5000, "200"),
    ],
)
async def test_a_refusal_is_logged_without_the_ticket_and_takes_no_slot(
    harbour: Harbour, caplog: pytest.LogCaptureFixture, said: bytes, word: str
) -> None:
    with caplog.at_level(logging.DEBUG, "moorage"):
        async with outgoing(harbour) as worker, asking(harbour, saying(said)) as gateway:
            await gateway.ask(await harbour.claim(A))
            await eventually(lambda: word in caplog.text)
            assert worker.in_use == 0

    assert TICKET not in caplog.text


async def test_a_gateway_that_answers_nothing_is_left_at_the_deadline(
    harbour: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    left = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        left.set()

    async with outgoing(harbour), asking(harbour, answer) as gateway:
        await gateway.ask(await harbour.claim(A), seconds=0.3)
        await asyncio.wait_for(left.wait(), WAIT)


async def test_an_upgrade_without_a_good_claim_is_refused_as_at_any_worker(harbour: Harbour) -> None:
    async with outgoing(harbour) as worker:
        claimed = await harbour.claim(A)
        heard: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(SWITCHING + upgrade(claimed._replace(claim_key=b"x" * 32)))
            heard.append(await reader.read())

        async with asking(harbour, answer) as gateway:
            await gateway.ask(claimed)
            await eventually(lambda: heard)
            assert worker.in_use == 0

    assert heard[0].startswith(b"HTTP/1.1 403 ")


async def test_more_orders_than_it_may_hold_are_dropped(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outward, "SPARE", 0)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with outgoing(harbour, slots=2), asking(harbour, answer) as gateway:
        claimed = await harbour.claim(A)
        for fence in range(5):
            await gateway.ask(claimed._replace(fence=claimed.fence + fence))
        await eventually(lambda: len(gateway.heads) == 2)
        await gateway.ask(claimed._replace(fence=claimed.fence + 9), seconds=0.0)

        assert len(gateway.heads) == 2


async def test_a_worker_that_dials_out_answers_probes_where_a_port_is_named(harbour: Harbour) -> None:
    port = free_port()

    async with a_worker(harbour, echo, address=ADDRESS, port=port) as worker:
        answers = [(await http_get(port, path))[0] for path in ("/livez", "/readyz", "/chat")]

        assert worker.port == 0  # what is advertised: none
    assert answers == [200, 200, 404]
