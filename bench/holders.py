"""Clients that hold their sessions and note when each is closed: one process, one epoll, no messages.

The load generator in C knows when the last of its connections was closed; a revocation is judged by the time of each.
"""

from __future__ import annotations

import base64
import os
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import Self

from bench.machine import CannotMeasureError

_ANSWER_WITHIN = 15.0
_AT_ONCE = 64
_REQUEST = (
    "GET / HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: {key}\r\nAuthorization: Bearer {token}\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Close:
    """How one was closed; `at` is CLOCK_MONOTONIC in seconds, `code` 0 where TCP just ended."""

    at: float
    code: int


class Holders:
    """Use as a context manager."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._epoll = select.epoll()
        self._sockets: dict[int, tuple[socket.socket, str]] = {}

    def __len__(self) -> int:
        return len(self._sockets)

    def open(self, tokens: dict[str, str]) -> None:
        """Connects each session of {session: token}; all of them are relayed when it returns."""
        waiting = list(tokens.items())
        while waiting:
            portion, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            opened = [(self._asked(token), session) for session, token in portion]
            for opened_socket, session in opened:
                self._answered(opened_socket, session)

    def closes(self, count: int, within: float) -> dict[str, Close]:
        """Until so many were closed, or the time is up: when, and with which code, by session."""
        found: dict[str, Close] = {}
        deadline = time.monotonic() + within
        while len(found) < count and (left := deadline - time.monotonic()) > 0:
            for descriptor, _ in self._epoll.poll(left, 1024):
                at = time.monotonic()
                held, session = self._sockets[descriptor]
                code = self._code(held)
                if code is not None:
                    found[session] = Close(at, code)
                    self._drop(descriptor)
        return found

    def _asked(self, token: str) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self._port), timeout=_ANSWER_WITHIN)
        key = base64.b64encode(os.urandom(16)).decode()
        opened.sendall(_REQUEST.format(key=key, token=token).encode())
        return opened

    def _answered(self, opened: socket.socket, session: str) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            read = opened.recv(4096)
            if not read:
                break
            head += read
        if not head.startswith(b"HTTP/1.1 101"):
            raise CannotMeasureError(f"a session was not admitted: {head[:200]!r}")
        opened.setblocking(False)
        self._sockets[opened.fileno()] = opened, session
        self._epoll.register(opened.fileno(), select.EPOLLIN)

    def _code(self, held: socket.socket) -> int | None:
        """Of the close frame; None for anything else. The close is answered, as a client does."""
        try:
            data = held.recv(4096)
            if not data:
                return 0
            if data[0] != 0x88:
                return None
            held.send(b"\x88\x80" + os.urandom(4))
        except BlockingIOError:
            return None
        except ConnectionError:
            return 0
        return int(struct.unpack_from("!H", data, 2)[0])

    def _drop(self, descriptor: int) -> None:
        self._epoll.unregister(descriptor)
        self._sockets.pop(descriptor)[0].close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in list(self._sockets):
            self._drop(descriptor)
        self._epoll.close()
