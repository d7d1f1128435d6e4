"""The seam between what the gateway decides and the bytes: one contract, two implementations, one test suite.

`gateway.io.compiled` drives non-blocking descriptors, OpenSSL and the relay from one epoll nested in the loop;
`gateway.io.pure` does the same on asyncio transports where no compiler was. Nothing above this line knows which runs.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gateway.relay import Limits, Owner, Traffic


class TlsContext(Protocol):
    """A loaded certificate and key; opaque. A reload makes a new one, live connections keep theirs."""


class Stream(Protocol):
    """One TCP (or TLS) connection before it is relayed. Used by one task at a time."""

    peer_host: str  # textual address, IPv4-mapped IPv6 already unmapped
    peer_port: int

    async def receive(self) -> bytes:
        """The next bytes, at most 64 KiB; b"" at end of stream. Cancelling loses nothing. Raises ConnectionError on reset."""

    def unread(self, data: bytes) -> None:
        """Puts bytes back in front: the next `receive`, `start_tls` or `relay` sees them first."""

    async def wait_gone(self) -> None:
        """Returns when the peer ended or reset the connection. Bytes that come meanwhile stay unread, at most 64 KiB."""

    def send(self, data: bytes) -> None:
        """Writes, or queues what the kernel does not take (bounded by 64 KiB, then the stream is aborted)."""

    async def start_tls(self, context: TlsContext) -> None:
        """Serves the TLS handshake. Raises ssl.SSLError or ConnectionError. The caller sets the deadline."""

    async def finish(self, linger_seconds: float) -> None:
        """Sends what is queued, half-closes, reads until end of stream or the linger, closes: a reset would lose the answer."""

    def abort(self) -> None:
        """Closes at once. May be called twice, and after the stream has been given to a relay, when it does nothing."""


class Relay(Protocol):
    """One live relay. Its owner is called from the loop's next turn, never from within one of these calls."""

    def close(self, client: tuple[int, bytes] | None, worker: tuple[int, bytes] | None) -> None:
        """Ends it: each (code, reason) is written at that side's next frame boundary, within `linger_seconds`, then both close.

        The owner's `relay_ended` is called with ORDERED, its farewell is ignored. Does nothing on an ended relay.
        """

    def abort(self) -> None:
        """Closes both sockets now; the owner is told as with `close`."""

    def probe(self, within_seconds: float, answer: Callable[[bool], None]) -> None:
        """Pings the client and calls `answer(alive)` once: True as soon as anything comes from it, False after `within_seconds`."""

    def traffic(self) -> Traffic:
        """What has passed so far."""

    def set_session_bytes(self, limit_bytes: int) -> None:
        """Changes the byte limit of a live relay."""


class Listener(Protocol):
    """Accepts on one socket."""

    def pause(self) -> None:
        """Stops accepting; connections wait in the kernel's backlog."""

    def resume(self) -> None:
        """Accepts again."""

    def close(self) -> None:
        """Stops for good. The socket given to `listen` is closed."""


class Wire(Protocol):
    """An engine on the running loop. Not thread-safe."""

    name: str  # "compiled" or "pure"

    def listen(self, sock: socket.socket, accept: Callable[[Stream], None]) -> Listener:
        """Accepts on a bound, listening, non-blocking socket. Accepted sockets inherit its TCP options.

        `accept` is called for each connection and must not raise. EMFILE backs off for 100 ms instead of spinning.
        """

    async def connect(self, host: str, port: int) -> Stream:
        """Opens a TCP connection to a literal IPv4 or IPv6 address. Raises OSError. The caller sets the deadline."""

    def relay(self, client: Stream, worker: Stream, limits: Limits, owner: Owner) -> Relay:
        """Takes both streams over, their unread bytes included (these are walked and counted like any others).

        The owner is called from the loop, never before this returns. Whoever still waits on a stream gets ConnectionError.
        """

    def tls(self, certificate: Path, key: Path) -> TlsContext:
        """Loads a PEM chain and key for TLS 1.2+, ALPN http/1.1. Raises ssl.SSLError or OSError saying which file.

        RuntimeError where the compiled wire cannot call this interpreter's OpenSSL: `make_wire(..., tls=True)` avoids it.
        """

    def relays(self) -> int:
        """Live relays, for gauges and tests."""

    def close(self) -> None:
        """Aborts everything and frees the epoll."""
