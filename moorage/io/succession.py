"""One conversation over successive sockets: reading goes on where the last socket stopped, sending waits for the next one.

Worker and client both stand on this. It knows neither sessions nor reconnecting: its owner attaches sockets, tells it when
one is gone, and finishes it.
"""

from __future__ import annotations

import asyncio
from collections import deque

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from moorage.endings import Closed
from moorage.errors import MoorageError

Message = str | bytes

KEPT_SOCKETS = 2  # with unread messages; each holds at most its queue


class Succession:
    """Sockets, one at a time. Everything here belongs to one event loop."""

    def __init__(self) -> None:
        self.socket: Connection | None = None  # the one that is written to
        self.over: MoorageError | None = None  # why there will be no further socket
        self._unread: deque[Connection] = deque(maxlen=KEPT_SOCKETS)
        self._changed = asyncio.Event()

    def attach(self, socket: Connection) -> Connection | None:
        """The newest socket takes over. Answers the one it replaces, for the owner to close."""
        older, self.socket = self.socket, socket
        self._unread.append(socket)
        self._wake()
        return older

    def detach(self, socket: Connection) -> bool:
        """This socket is gone. False where it was not the newest any more."""
        if self.socket is not socket:
            return False
        self.socket = None
        self._wake()
        return True

    def finish(self, over: MoorageError) -> Connection | None:
        """No further socket: what was received can still be read, then `over` is raised. Answers the one to close."""
        if self.over is None:
            self.over = over
        last, self.socket = self.socket, None
        self._wake()
        return last

    async def recv(self) -> Message:
        """The next message. Raises `over` after the last one. Safe to cancel."""
        while True:
            if not self._unread:
                await self._next()
                continue
            socket = self._unread[0]
            try:
                return await socket.recv()
            except ConnectionClosed:
                if self._unread and self._unread[0] is socket:
                    self._unread.popleft()

    async def send(self, message: Message) -> None:
        """Returns when the message is in the socket's buffers (bounded: waits while the peer does not read). Without a
        socket it waits for the next one; raises `over` when none will come."""
        while True:
            if self.over is not None:
                raise self.over
            socket = self.socket
            if socket is None:
                await self._next()
                continue
            try:
                return await socket.send(message)
            except ConnectionClosed:
                while self.socket is socket and self.over is None:  # until its owner has seen it too
                    await self._next()

    async def _next(self) -> None:
        if self.over is not None:
            raise self.over
        self._changed.clear()
        await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()


def closed_of(socket: Connection) -> Closed:
    """How a connection ended, once it has."""
    protocol = socket.protocol
    received, sent = protocol.close_rcvd, protocol.close_sent
    if received is not None:
        return Closed(received=int(received.code), reason=received.reason)
    return Closed(sent=None if sent is None else int(sent.code))
