"""The port for machines: /metrics, /livez and /readyz of one process, and how late its event loop runs."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from controlplane.io.listener import Punctual
from moorage.cli.addresses import reachable, url

Checks = Mapping[str, Callable[[], bool]]
"""Name of a part -> how it is now."""
Page = Callable[[], Awaitable[bytes]]
"""What /metrics says."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether clients should come, and how the parts are: one that is down need not turn clients away."""

    is_ready: bool
    parts: Mapping[str, bool]


disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads

CONNECTIONS = 64  # scrapers and probes; more would take descriptors from clients
LAG_EVERY = 0.1
LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class ObserveApp:
    """An ASGI application without a framework: three paths."""

    def __init__(self, page: Page, readiness: Callable[[], Awaitable[Readiness]]) -> None:
        self._page = page
        self._readiness = readiness

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        status, kind, body = await self._answer(scope["path"])
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, path: str) -> tuple[int, str, bytes]:
        match path:
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, await self._page()
            case "/livez":
                return 200, "application/json", b'{"status":"ok"}'
            case "/readyz":
                return _shown(await self._readiness())
            case _:
                return 404, "text/plain", b"/metrics, /livez and /readyz are here\n"


def _shown(seen: Readiness) -> tuple[int, str, bytes]:
    status = "ok" if seen.is_ready else "not ready"
    body = json.dumps({"status": status, "parts": dict(seen.parts)}, separators=(",", ":")).encode()
    return 200 if seen.is_ready else 503, "application/json", body


def page_of(registry: CollectorRegistry, refresh: Callable[[], Awaitable[None]]) -> Page:
    """All of one registry, refreshed first."""

    async def page() -> bytes:
        await refresh()
        return generate_latest(registry)

    return page


def every(*looks: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """All of them beside each other, as one."""

    async def look() -> None:
        await asyncio.gather(*(each() for each in looks))

    return look


class QuietServer(uvicorn.Server):
    """uvicorn's server without its signal handlers: the program has its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


class ObserveServer:
    """Serves the application on a bound socket, which it closes."""

    def __init__(self, app: ObserveApp, sock: socket.socket) -> None:
        options = uvicorn.Config(
            app,
            http=Punctual,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        self._server = QuietServer(options)
        self._sock = sock
        self.url = _address(sock)

    async def serve(self) -> None:
        """Until `close`; open requests then get a second to finish."""
        await self._server.serve(sockets=[self._sock])

    def close(self) -> None:
        """Lets `serve` return."""
        self._server.should_exit = True


async def watch_loop_lag(registry: CollectorRegistry, program: str) -> None:
    """Measures until cancelled how much later than asked a timer fires."""
    lag = Histogram(
        f"moorage_{program}_loop_lag_seconds",
        "How late the event loop runs its timers.",
        buckets=LAG_BUCKETS,
        registry=registry,
    )
    last = Gauge(f"moorage_{program}_loop_lag_last_seconds", "The newest measure of it.", registry=registry)
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_EVERY
        await asyncio.sleep(LAG_EVERY)
        late = max(0.0, loop.time() - due)
        lag.observe(late)
        last.set(late)


def _address(sock: socket.socket) -> str:
    """Where it is asked; a socket of the file system has a path instead."""
    name = sock.getsockname()
    return url("http", reachable(name[0]), name[1]) if isinstance(name, tuple) else f"unix:{name}"
