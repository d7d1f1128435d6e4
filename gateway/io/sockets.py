"""Listening sockets whose options every accepted connection inherits."""

from __future__ import annotations

import contextlib
import socket

BACKLOG = 4096
KEEPALIVE_IDLE = 30  # seconds of silence before TCP asks
KEEPALIVE_INTERVAL = 10
KEEPALIVE_COUNT = 3
DEFER_SECONDS = (
    1  # a connection without bytes is accepted after the next SYN-ACK, not at once: most cost one wake-up less
)
USER_TIMEOUT_MS = 30_000  # unacknowledged bytes for so long end a connection (RFC 5482)


def listening_socket(host: str, port: int, *, clients_speak_first: bool = False) -> socket.socket:
    """A bound, listening, non-blocking TCP socket with the options of `harden`. Raises OSError naming the address."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        harden(sock)
        if clients_speak_first:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_SECONDS)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return sock


def reachable_host(host: str) -> str:
    """Where others reach a listener on `host`: itself, or for a wildcard the address this machine's packets leave from."""
    if host not in ("", "0.0.0.0", "::"):
        return host
    for family, anywhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):  # RFC 5737, RFC 3849
        with socket.socket(family, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.connect((anywhere, 9))  # a route is looked up, nothing is sent
            return str(probe.getsockname()[0])
    return "127.0.0.1"


def harden(sock: socket.socket) -> None:
    """No Nagle, and dead peers are found: keep-alive and TCP_USER_TIMEOUT."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
