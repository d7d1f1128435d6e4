"""uvicorn inside a loop that is not its own: our socket, no signal handlers, a bounded stop, no endless request heads."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

BACKLOG = 1024
GRACE = 5  # seconds for requests under way
HEAD_BYTES = 16 << 10
SPARE = 32  # connections over the limit that hear a 503; uvicorn would hold any number, and descriptors are everybody's
HEAD_SECONDS = 10.0  # from accept, or from the first byte after an answer, to a whole request head


class Listener:
    """Owns the socket and the server's task."""

    def __init__(self, app: ASGIApp, sock: socket.socket, connections: int) -> None:
        """`sock` is bound, perhaps listening already; it is closed here."""
        self._socket = sock
        config = uvicorn.Config(
            app,
            http=Punctual,
            h11_max_incomplete_event_size=HEAD_BYTES,
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
            self._server.leave()
            await self._task
        self._socket.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """The loop below ends now instead of at its next look."""
        self.should_exit = True
        self._leaving.set()

    async def main_loop(self) -> None:
        """Ten looks a second, as uvicorn has it, or at once when told to leave."""
        tick = 0
        while not await self.on_tick(tick):
            tick = (tick + 1) % 864_000
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), 0.1)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program, not to one of its servers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class Punctual(H11Protocol):
    """Cuts a connection whose request head does not come, or that is far over the limit; uvicorn itself would wait for ever."""

    _head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency + SPARE:
            transport.abort()
            return
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()

    def _watch_head(self) -> None:
        is_waiting = getattr(self.cycle, "response_complete", True)  # before the first request there is no cycle
        if not is_waiting:
            self._stop_watching()
        elif self._head_due is None:
            self._head_due = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_watching(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None


def bound(host: str, port: int) -> socket.socket:
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
