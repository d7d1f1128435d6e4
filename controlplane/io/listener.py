"""uvicorn inside a loop that is not its own: our socket, no signal handlers, a bounded stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

BACKLOG = 1024
GRACE = 5  # seconds for requests under way


class Listener:
    """Owns the socket and the server's task."""

    def __init__(self, app: ASGIApp, host: str, port: int, connections: int) -> None:
        self._socket = _bound(host, port)
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            backlog=BACKLOG,
            limit_concurrency=connections,
            timeout_graceful_shutdown=GRACE,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that was asked for, or the free one that was found."""
        port: int = self._socket.getsockname()[1]
        return port

    async def start(self) -> None:
        """Answers once requests are accepted."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="controlplane-http")
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            await self._task

    async def close(self) -> None:
        """No new requests; those under way get GRACE seconds."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task
        self._socket.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program, not to one of its servers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _bound(host: str, port: int) -> socket.socket:
    """Raises OSError naming the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # IPPROTO_TCP said aloud: asyncio sets TCP_NODELAY only where it is, and without it answers wait 40 ms
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    listening.setblocking(False)
    return listening
