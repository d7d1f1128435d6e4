"""Health of a worker that listens for nothing else: one that dials out, where a port was named for it (in a pod, always)."""

from __future__ import annotations

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from moorage.io.door import Door
from moorage.io.wire_log import WIRE_LOG
from moorage.io.worker_options import CLOSE_SECONDS, OPEN_SECONDS, WorkerOptions


class Probes:
    """Opened and closed once. Without a port it does nothing."""

    def __init__(self, options: WorkerOptions, door: Door) -> None:
        self._options = options
        self._door = door
        self._server: Server | None = None

    async def open(self) -> None:
        """Raises OSError."""
        if not self._options.port:
            return
        self._server = await serve(
            _never,
            self._options.host,
            self._options.port,
            process_request=self._answer,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            server_header=None,
            logger=WIRE_LOG,
        )

    async def close(self) -> None:
        """Nobody waits for a probe's answer any more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _answer(self, connection: ServerConnection, request: Request) -> Response:
        return self._door.health(connection, request) or connection.respond(404, "/livez and /readyz are here\n")


async def _never(connection: ServerConnection) -> None:
    raise AssertionError("an upgrade was let in where probes only are answered")
