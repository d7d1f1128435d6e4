"""Upgrades that gateways bring: the listening socket of a worker that can be reached."""

from __future__ import annotations

from websockets.asyncio.server import Server, serve

from moorage.io.berths import Berths
from moorage.io.door import Door
from moorage.io.wire_log import WIRE_LOG
from moorage.io.worker_options import CLOSE_SECONDS, OPEN_SECONDS, WorkerOptions
from moorage.link import Directive


class Inward:
    """Opened and closed once."""

    def __init__(self, options: WorkerOptions, door: Door, berths: Berths) -> None:
        self._options = options
        self._door = door
        self._berths = berths
        self._server: Server | None = None

    async def open(self) -> int:
        """The port it listens on. Raises OSError."""
        options = self._options
        self._server = await serve(
            self._berths.moor,
            options.host,
            options.port,
            process_request=self._door.admit,
            select_subprotocol=self._door.choose,
            compression=options.compression,
            max_size=options.max_size,
            max_queue=options.max_queue,
            ping_interval=None,  # the gateway pings clients, TCP keep-alive finds a dead gateway
            close_timeout=CLOSE_SECONDS,
            open_timeout=OPEN_SECONDS,
            server_header=None,
            logger=WIRE_LOG,
            backlog=1024,
        )
        return int(self._server.sockets[0].getsockname()[1])

    def attend(self, order: Directive) -> None:
        """Gateways come here by themselves: an order to come to them is a mistake of theirs, and their deadline ends it."""

    def close(self) -> None:
        """No more upgrades; those let in go on."""
        if self._server is not None:
            self._server.close(close_connections=False)

    async def closed(self) -> None:
        """Returns when every connection is gone."""
        if self._server is not None:
            await self._server.wait_closed()
