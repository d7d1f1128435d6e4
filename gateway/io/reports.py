"""What a gateway must tell the store and may not lose: kept until the store has taken it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.io.metrics import GatewayMetrics
from scheduler.store import Unavailable

Write = Callable[[], Awaitable[object]]

_WRITERS = 8  # writes of different sessions overtake each other; fences make that harmless
_RETRY_SECONDS = 0.2

log = structlog.get_logger(__name__)


class Reports:
    """Writes in flight. Every write is idempotent: it carries a fence, and the store tells later ones so."""

    def __init__(self, metrics: GatewayMetrics) -> None:
        self._metrics = metrics
        self._queue: asyncio.Queue[Write] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts the writers."""
        self._tasks = [asyncio.create_task(self._write(), name=f"gateway-reports-{n}") for n in range(_WRITERS)]

    def put(self, write: Write) -> None:
        """Keeps one write until it is done. Bounded by the sessions that a gateway may hold."""
        self._queue.put_nowait(write)
        self._metrics.reports_pending.inc()

    async def flush(self, deadline_seconds: float) -> bool:
        """Waits until all is written; False when the deadline came first."""
        try:
            await asyncio.wait_for(self._queue.join(), deadline_seconds)
        except TimeoutError:
            log.warning("reports_not_taken_by_the_store", pending=self._queue.qsize())
            return False
        return True

    async def close(self) -> None:
        """Stops the writers; call `flush` before."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _write(self) -> None:
        while True:
            write = await self._queue.get()
            await self._until_taken(write)
            self._metrics.reports_pending.dec()
            self._queue.task_done()

    async def _until_taken(self, write: Write) -> None:
        while True:
            try:
                await write()
            except Unavailable:
                self._metrics.store_retries.inc()
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:
                self._metrics.faults.inc()
                log.exception("report_failed")
                return
            else:
                return
