"""The port for machines: /metrics, /livez and /readyz of one process, and how late its event loop runs."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from controlplane.io.listener import Punctual

Refresh = Callable[[], Awaitable[None]]
Checks = Mapping[str, Callable[[], bool]]
"""Name of a part -> whether it is ready. Refreshed before they are asked."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads

CONNECTIONS = 64  # scrapers and probes; more would take descriptors from clients
LAG_EVERY = 0.1
LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class ObserveApp:
    """An ASGI application without a framework: three paths."""

    def __init__(self, registry: CollectorRegistry, refresh: Refresh, checks: Checks) -> None:
        self._registry = registry
        self._refresh = refresh
        self._checks = checks

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
                await self._refresh()
                return 200, CONTENT_TYPE_LATEST, generate_latest(self._registry)
            case "/livez":
                return 200, "application/json", b'{"status":"ok"}'
            case "/readyz":
                await self._refresh()
                return self._ready()
            case _:
                return 404, "text/plain", b"/metrics, /livez and /readyz are here\n"

    def _ready(self) -> tuple[int, str, bytes]:
        parts = {name: check() for name, check in self._checks.items()}
        status = "ok" if all(parts.values()) else "not ready"
        body = json.dumps({"status": status, "parts": parts}, separators=(",", ":")).encode()
        return 200 if all(parts.values()) else 503, "application/json", body


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
        self.port: int = sock.getsockname()[1]

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
