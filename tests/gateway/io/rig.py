"""A wire between a raw client and a raw worker: sockets on loopback, an owner that remembers what it was told."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import trustme

from gateway.io.wire import Relay, Stream, Wire
from gateway.relay import Cause, Ending, Farewell, Limits, Side, Traffic
from tests.deadlines import SOON as SOON
from tests.gateway.walks import a_frame

MASK = b"\x11\x22\x33\x44"


class Certificates:
    """A certificate for 127.0.0.1 in files, and a client context that trusts it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        self.chain = folder / "chain.pem"
        self.key = folder / "key.pem"
        self.chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        self.key.write_bytes(issued.private_key_pem.bytes())
        self.client = ssl.create_default_context()
        authority.configure_trust(self.client)


def from_client(payload: bytes, opcode: int = 2) -> bytes:
    return a_frame(opcode, payload, mask=MASK)


def from_worker(payload: bytes, opcode: int = 2) -> bytes:
    return a_frame(opcode, payload)


@dataclass(eq=False)
class RecordingOwner:
    """Answers with `farewell` and keeps what it heard."""

    farewell: Farewell = field(default_factory=Farewell)
    on_end: Callable[[], None] = lambda: None
    endings: list[Ending] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    final: list[Traffic] = field(default_factory=list)
    relay: Relay | None = None

    def relay_ended(self, ending: Ending) -> Farewell:
        self.endings.append(ending)
        self.ended.set()
        self.on_end()
        return self.farewell

    def relay_closed(self, traffic: Traffic) -> None:
        self.final.append(traffic)
        self.closed.set()

    async def ending(self) -> Ending:
        async with asyncio.timeout(SOON):
            await self.ended.wait()
        return self.endings[0]

    async def goodbye(self) -> Traffic:
        async with asyncio.timeout(SOON):
            await self.closed.wait()
        return self.final[0]


@dataclass
class End:
    """The raw peer at one end."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(data)

    async def receive(self, size: int) -> bytes:
        async with asyncio.timeout(SOON):
            return await self.reader.readexactly(size)

    async def rest(self) -> bytes:
        """Everything until the end of the stream; a reset ends it too."""
        async with asyncio.timeout(SOON):
            got = b""
            while True:
                try:
                    data = await self.reader.read(1 << 16)
                except OSError:
                    return got
                if not data:
                    return got
                got += data

    def stop_reading(self) -> None:
        if not self.writer.is_closing():
            cast(asyncio.Transport, self.writer.transport).pause_reading()

    def read_again(self) -> None:
        cast(asyncio.Transport, self.writer.transport).resume_reading()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        if self.writer.is_closing():
            return
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.writer.transport.abort()


@dataclass
class Pair:
    """One relay with its two peers."""

    client: End
    worker: End
    owner: RecordingOwner
    relay: Relay

    async def settle(self) -> Traffic:
        """Both peers close; the relay goes."""
        self.client.close()
        self.worker.close()
        return await self.owner.goodbye()


class Rig:
    """Opens connections through a wire."""

    def __init__(self, wire: Wire, certificates: Certificates | None) -> None:
        self.wire = wire
        self._certificates = certificates
        self.is_tls = certificates is not None
        self.client_context = certificates.client if certificates else None
        self._accepted: asyncio.Queue[Stream] = asyncio.Queue()
        self._workers: asyncio.Queue[End] = asyncio.Queue()
        self._ends: list[End] = []

    async def __aenter__(self) -> Self:
        self._sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._sock.setblocking(False)
        self.port = self._sock.getsockname()[1]
        self.listener = self.wire.listen(self._sock, self._accepted.put_nowait)
        self._server = await asyncio.start_server(self._worker_came, "127.0.0.1", 0, limit=1 << 24)
        self.worker_port = self._server.sockets[0].getsockname()[1]
        if self._certificates is not None:
            self.context = self.wire.tls(self._certificates.chain, self._certificates.key)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listener.close()
        self._server.close()
        for end in self._ends:
            end.writer.transport.abort()
        if kind is not None:
            self.wire.close()
            return
        async with asyncio.timeout(SOON):
            while self.wire.relays():  # noqa: ASYNC110 -- the owners are the tests' own
                await asyncio.sleep(0.01)

    async def client(self) -> tuple[End, Stream]:
        """A connected peer and the wire's end of it, after TLS where it runs."""
        tls = self._certificates.client if self._certificates else None
        opening = asyncio.ensure_future(asyncio.open_connection("127.0.0.1", self.port, ssl=tls, limit=1 << 24))
        stream = await self.accepted()
        async with asyncio.timeout(SOON):
            if tls is not None:
                await stream.start_tls(self.context)
            end = End(*await opening)
        self._ends.append(end)
        return end, stream

    def forget(self) -> None:
        """Lets go of peers that are gone."""
        self._ends = [end for end in self._ends if not end.writer.is_closing()]

    async def accepted(self) -> Stream:
        """The next connection the wire accepted."""
        async with asyncio.timeout(SOON):
            return await self._accepted.get()

    async def worker(self) -> tuple[End, Stream]:
        async with asyncio.timeout(SOON):
            stream = await self.wire.connect("127.0.0.1", self.worker_port)
            return await self._workers.get(), stream

    async def pair(self, limits: Limits | None = None, farewell: Farewell | None = None) -> Pair:
        client, client_stream = await self.client()
        worker, worker_stream = await self.worker()
        owner = RecordingOwner(farewell or Farewell())
        relay = self.wire.relay(client_stream, worker_stream, limits or Limits(linger_seconds=0.3), owner)
        return Pair(client, worker, owner, relay)

    def _worker_came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = End(reader, writer)
        self._ends.append(end)
        self._workers.put_nowait(end)


def outline(ending: Ending) -> tuple[Cause, Side | None, int | None, bool]:
    return ending.cause, ending.by, ending.close_code, ending.client_at_boundary


async def send_all(writer: asyncio.StreamWriter, frame: bytes, times: int) -> None:
    for _ in range(times):
        writer.write(frame)
        await writer.drain()
