"""The pure wire: asyncio transports, the walk of `gateway.frames`, one scan for all relays' clocks."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import weakref
from collections.abc import Callable
from pathlib import Path

from gateway.frames import TAG_BYTES
from gateway.io.pure import clockwork
from gateway.io.pure.ends import Terms
from gateway.io.pure.link import Link
from gateway.io.pure.relaying import Relay
from gateway.io.pure.streams import Certificate, Listener, Stream
from gateway.io.wire import Stream as AnyStream
from gateway.io.wire import TlsContext
from gateway.relay import Limits, Owner

SCAN_EVERY = 0.25
_USER_TIMEOUT_MS = 20_000  # of a worker's side; its lease ends what TCP's keep-alive would find much later


class PureWire:
    """See gateway.io.wire.Wire."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.name = "pure"
        self._loop = loop
        self._tag = os.urandom(TAG_BYTES)
        self._relays: set[Relay] = set()
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._listeners: list[Listener] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def listen(self, sock: socket.socket, accept: Callable[[AnyStream], None]) -> Listener:
        def made(accepted: socket.socket) -> None:
            opening = self._loop.create_task(self._adopt(accepted, accept))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

        listener = Listener(self._loop, sock, made)
        self._listeners.append(listener)
        return listener

    async def connect(self, host: str, port: int) -> Stream:
        sock = socket.socket(_family(host), socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            await self._loop.sock_connect(sock, (host, port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)
            _, link = await self._loop.create_connection(Link, sock=sock)
        except BaseException:
            sock.close()
            raise
        return self._stream(link)

    def relay(self, client: AnyStream, worker: AnyStream, limits: Limits, owner: Owner) -> Relay:
        assert isinstance(client, Stream)
        assert isinstance(worker, Stream)
        terms = Terms(self._loop, limits, owner, self._tag, lambda: os.urandom(4), self._relays.discard)
        relay = Relay(client.release(), worker.release(), terms)
        self._relays.add(relay)
        if self._timer is None:
            self._timer = self._loop.call_later(SCAN_EVERY, self._scan)
        return relay

    def tls(self, certificate: Path, key: Path) -> TlsContext:
        return Certificate(certificate, key)

    def relays(self) -> int:
        return len(self._relays)

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        for opening in self._opening:
            opening.cancel()
        for stream in list(self._streams):
            stream.abort()
        for relay in list(self._relays):
            relay.abort()
        if self._timer is not None:
            self._timer.cancel()

    async def _adopt(self, accepted: socket.socket, accept: Callable[[AnyStream], None]) -> None:
        try:
            _, link = await self._loop.connect_accepted_socket(Link, accepted)
        except BaseException:
            accepted.close()
            raise
        accept(self._stream(link))

    def _stream(self, link: Link) -> Stream:
        stream = Stream(link)
        self._streams.add(stream)
        return stream

    def _scan(self) -> None:
        now = self._loop.time()
        for relay in list(self._relays):
            clockwork.check(relay, now)
        self._timer = self._loop.call_later(SCAN_EVERY, self._scan) if self._relays else None


def _family(host: str) -> socket.AddressFamily:
    try:
        return socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        raise OSError(f"{host!r} is no literal IPv4 or IPv6 address") from None
