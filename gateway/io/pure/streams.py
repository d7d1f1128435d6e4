"""Connections before they are relayed, and where they come from, on asyncio transports."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from gateway.io.pure.link import READ_BYTES, Link
from gateway.io.wire import TlsContext

_MOST_QUEUED_BYTES = 64 << 10


class Certificate:
    """A loaded certificate and key."""

    def __init__(self, certificate: Path, key: Path) -> None:
        for path in (certificate, key):
            with path.open("rb"):
                pass
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
        self.context.num_tickets = 1
        self.context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
        self.context.set_alpn_protocols(["http/1.1"])
        try:
            self.context.load_cert_chain(certificate, key, password="")
        except ssl.SSLError as error:
            raise ssl.SSLError(error.errno, f"certificate chain {certificate}, private key {key}: {error}") from error


class Stream:
    """See gateway.io.wire.Stream."""

    def __init__(self, link: Link) -> None:
        address = link.transport.get_extra_info("peername") or ("", 0)
        self.peer_host = str(address[0]).removeprefix("::ffff:") if "." in str(address[0]) else str(address[0])
        self.peer_port = int(address[1])
        self._link: Link | None = link
        self._unread, link.early = link.early, b""
        self._waiter: asyncio.Future[None] | None = None
        link.receiver = self

    def came(self, data: bytes) -> None:
        self._unread += data
        if len(self._unread) >= READ_BYTES:
            self._alive().pause()
        self._wake()

    def ended(self, error: Exception | None) -> None:
        self._wake()

    def filled(self) -> None:
        """What is held is bounded by `send`."""

    def took(self) -> None:
        self._wake()

    def closed(self) -> None:
        self._wake()

    async def receive(self) -> bytes:
        while not self._unread:
            link = self._alive()
            if link.error is not None:
                raise ConnectionResetError(str(link.error)) from link.error
            if link.has_ended:
                return b""
            await self._wait()
        data, self._unread = self._unread[:READ_BYTES], self._unread[READ_BYTES:]
        if len(self._unread) < READ_BYTES:
            self._alive().resume()
        return data

    def unread(self, data: bytes) -> None:
        self._alive()
        self._unread = data + self._unread

    async def wait_gone(self) -> None:
        while not self._alive().has_ended:
            await self._wait()

    def send(self, data: bytes) -> None:
        if self._link is None:
            return
        self._link.write(data)
        if self._link.held_bytes > _MOST_QUEUED_BYTES:
            self.abort()

    async def start_tls(self, context: TlsContext) -> None:
        assert isinstance(context, Certificate)
        unread, self._unread = self._unread, b""
        await self._alive().start_tls(context.context, unread)

    async def finish(self, linger_seconds: float) -> None:
        if self._link is None:
            return
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(linger_seconds):
                self._link.half_close()
                while await self.receive():
                    pass
                while self._alive().held_bytes:
                    await self._wait()
        self.abort()

    def abort(self) -> None:
        if self._link is None:
            return
        link, self._link = self._link, None
        link.receiver = None
        link.transport.abort()
        self._wake_in_vain()

    def release(self) -> tuple[Link, bytes]:
        """Gives the connection away, with what was read and not used."""
        link, self._link = self._alive(), None
        link.receiver = None
        self._wake_in_vain()
        return link, self._unread

    def _alive(self) -> Link:
        if self._link is None:
            raise _aborted()
        return self._link

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake_in_vain(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(_aborted())

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _aborted() -> ConnectionAbortedError:
    return ConnectionAbortedError("the connection was closed on this side")


class Listener:
    """See gateway.io.wire.Listener. Accepts itself: asyncio's server cannot pause and spins without descriptors."""

    _MOST_ACCEPTS = 8  # a turn of the loop: whoever is told of them only then can still pause
    _BACK_OFF = 0.1

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, made: Callable[[socket.socket], None]
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._made = made
        self._is_paused = False
        self._backing_off: asyncio.TimerHandle | None = None
        loop.add_reader(sock, self._accept)

    def pause(self) -> None:
        self._is_paused = True
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)

    def resume(self) -> None:
        self._is_paused = False
        if self._backing_off is None and self._sock.fileno() >= 0:
            self._loop.add_reader(self._sock, self._accept)

    def close(self) -> None:
        if self._sock.fileno() < 0:
            return
        if self._backing_off is not None:
            self._backing_off.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _accept(self) -> None:
        for _ in range(self._MOST_ACCEPTS):
            if self._is_paused or self._sock.fileno() < 0:
                return
            try:
                accepted, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(self._sock)
                self._backing_off = self._loop.call_later(self._BACK_OFF, self._accept_again)
                return
            accepted.setblocking(False)
            self._made(accepted)

    def _accept_again(self) -> None:
        self._backing_off = None
        if not self._is_paused:
            self.resume()
