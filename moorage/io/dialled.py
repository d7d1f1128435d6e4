"""The server's end of a WebSocket on a connection that this side opened: first the ticket, then as if it had been accepted."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server, ServerConnection
from websockets.extensions.permessage_deflate import enable_server_permessage_deflate
from websockets.server import ServerProtocol

from moorage.dialout import MAX_HEAD_BYTES
from moorage.endings import from_status
from moorage.io.door import Door
from moorage.io.wire_log import WIRE_LOG
from moorage.io.worker_options import WorkerOptions

_END = b"\r\n\r\n"


class Dialled(ServerConnection):
    """Says `request` as soon as it is connected; what comes behind the answer's head is the client's upgrade."""

    def __init__(self, protocol: ServerProtocol, server: Server, *, request: bytes, **options: Any) -> None:
        super().__init__(protocol, server, ping_interval=None, **options)
        self._request = request
        self._early = b""
        self._answer: asyncio.Future[None] = self.loop.create_future()

    async def let_in(self) -> None:
        """Returns once the gateway took the ticket. Raises what it answered instead, or ConnectionError."""
        await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Not the server's, which would begin to serve at once."""
        Connection.connection_made(self, transport)
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """The gateway's answer may share a segment with the upgrade behind it."""
        if self._answer.done():
            super().data_received(data)
            return
        self._early += data
        head, is_whole, rest = self._early.partition(_END)
        if is_whole and head.startswith(b"HTTP/1.1 101 "):
            self._early = b""
            self._answer.set_result(None)
            if rest:
                super().data_received(rest)
        elif len(self._early) > MAX_HEAD_BYTES:
            self._refused()

    def eof_received(self) -> None:
        """A refusal ends with the connection."""
        self._refused()
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Before an answer it is one."""
        self._refused()
        super().connection_lost(exc)

    def _refused(self) -> None:
        if self._answer.done():
            return
        head, _, body = self._early.partition(_END)
        status = head[9:12]
        if head.startswith(b"HTTP/1.1 ") and status.isdigit():
            self._answer.set_exception(from_status(int(status), body, None))
        else:
            self._answer.set_exception(ConnectionResetError("the gateway ended the connection without an answer"))
        self._answer.exception()  # it may be that nobody waits for it any more


def protocol_for(options: WorkerOptions, door: Door) -> ServerProtocol:
    """WebSocket without I/O, as websockets' own server makes it."""
    return ServerProtocol(
        extensions=enable_server_permessage_deflate(None) if options.compression == "deflate" else None,
        select_subprotocol=lambda _, offered: door.chosen(offered),
        max_size=options.max_size,
        logger=WIRE_LOG,
    )
