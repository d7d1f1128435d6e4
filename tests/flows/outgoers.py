"""Workers that dial out: the SDK's over its link, and bare ones that do with their orders what a test says."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256

from websockets.server import ServerProtocol

import moorage
from gateway.io.app import Gateway
from moorage.dialout import ADDRESS, Attach, place_of, request_for
from scheduler.values import Beaten, Directive, Heartbeat, JoinKey, Order, Registered, Registration
from tests.flows.system import SOON, System

JOIN_KEY = "jk_of_these_tests"

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(session: moorage.Session) -> None:
    async for message in session:
        await session.send(message)


@contextlib.asynccontextmanager
async def dialling_out(
    system: System, handler: object = echo, *, at: Gateway | None = None, **options: object
) -> AsyncIterator[moorage.Worker]:
    """An SDK worker in this loop that listens nowhere; its link ends at a gateway of the test's choice."""
    await system.store.set_join_keys([JoinKey(sha256(JOIN_KEY.encode()).hexdigest(), "*", "*")])
    gateway = at or system.gateway
    scheme = "wss" if gateway.policy.link_tls else "ws"
    worker = moorage.Worker(
        handler,  # type: ignore[arg-type]
        gateways=[f"{scheme}://127.0.0.1:{gateway.link_port}/link"],
        join_key=JOIN_KEY,
        region="here",
        address=ADDRESS,
        drain_seconds=0.5,
        grace_seconds=0.5,
        **options,  # type: ignore[arg-type]
    )
    serving = asyncio.create_task(worker.serve())
    try:
        await asyncio.wait_for(worker.ready(), SOON)
        yield worker
    finally:
        worker.leave()
        worker.leave()
        await asyncio.wait_for(serving, SOON)


@dataclass
class Outgoer:
    """A worker that beats as over REST, and dials only when the test does."""

    system: System
    registered: Registered
    seq: int = 0
    orders: list[Directive] = field(default_factory=list)
    open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def order(self) -> Directive:
        """The next order to attach."""
        async with asyncio.timeout(SOON):
            while not self.orders:
                self.seq += 1
                beaten = await self.system.truth.heartbeat(Heartbeat(self.registered.worker, self.seq, 0))
                assert isinstance(beaten, Beaten)
                self.orders += [each for each in beaten.directives if each.order is Order.ATTACH]
                await asyncio.sleep(0.01)
        return self.orders.pop(0)

    def attach(self, order: Directive) -> Attach:
        """What the order is about."""
        assert order.session is not None
        assert order.fence is not None
        return Attach(self.registered.worker, order.session, order.fence)

    async def dial(self, order: Directive, context: ssl.SSLContext | None = None) -> Wire:
        """A connection to the gateway that asks."""
        place = place_of(order.gateway)
        reader, writer = await asyncio.open_connection(place.host, place.port, ssl=context)
        self.open.append(writer)
        return reader, writer

    async def show(self, order: Directive, attach: Attach | None = None, ticket: str | None = None) -> Wire:
        """Dials and shows the order's ticket, or what the test says instead."""
        reader, writer = await self.dial(order)
        said = request_for(place_of(order.gateway), attach or self.attach(order), ticket or order.ticket)
        writer.write(said)
        return reader, writer

    async def close(self) -> None:
        """Every connection."""
        for writer in self.open:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def an_outgoer(system: System, slots: int = 10, name: str = "outgoer") -> AsyncIterator[Outgoer]:
    """Registered, without a link."""
    registered = await system.store.register(Registration(name, "here", "default", ADDRESS, slots))
    assert isinstance(registered, Registered)
    outgoer = Outgoer(system, registered)
    try:
        yield outgoer
    finally:
        await outgoer.close()


async def head(reader: asyncio.StreamReader) -> bytes:
    """One HTTP head."""
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)


async def answer(reader: asyncio.StreamReader) -> bytes:
    """All that is said until the end."""
    return await asyncio.wait_for(reader.read(), SOON)


def switching(request: bytes) -> bytes:
    """A worker's 101 to the client's upgrade."""
    protocol = ServerProtocol()
    protocol.receive_data(request)
    [said] = protocol.events_received()
    protocol.send_response(protocol.accept(said))  # type: ignore[arg-type]
    return b"".join(protocol.data_to_send())
