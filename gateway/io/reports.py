"""What a gateway must tell the store and may not lose: kept until the store has taken it, over outages of any length."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import structlog

from gateway.io.metrics import GatewayMetrics
from scheduler.store import Unavailable

Write = Callable[[], Awaitable[object]]

MOST = 100_000  # then nothing new is admitted until the store takes some

_WRITERS = 32  # in flight at once, over one connection; writes of different sessions overtake each other, fences make that harmless
_TURN = 50  # writes
_RETRY_SECONDS = 0.2

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class _Report:
    write: Write
    when_done: Callable[[], None] | None

    @property
    def kind(self) -> str:
        """The store's method, as far as it can be seen."""
        write: object = self.write
        while hasattr(write, "func"):
            write = write.func
        return str(getattr(write, "__name__", "other"))


class Reports:
    """Writes in flight. Every write is idempotent: it carries a fence, and the store tells later ones so.

    Each session that is relayed leaves one, and each upgrade a few; `is_full` keeps new ones out meanwhile. `when_away` is
    called when the store did not take a write.
    """

    def __init__(self, metrics: GatewayMetrics, most: int = MOST) -> None:
        self.when_away: Callable[[], None] = lambda: None
        self._metrics = metrics
        self._most = most
        self._queue: asyncio.Queue[_Report] = asyncio.Queue()
        self._open: dict[_Report, None] = {}
        self._may_go = asyncio.Event()
        self._may_go.set()
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_full(self) -> bool:
        """Whether nothing may be begun that would have to be reported too."""
        return len(self._open) >= self._most

    def start(self) -> None:
        """Starts the writers."""
        self._tasks = [asyncio.create_task(self._write(), name=f"gateway-reports-{n}") for n in range(_WRITERS)]

    def put(self, write: Write, when_done: Callable[[], None] | None = None) -> None:
        """Keeps one write until it is done; then `when_done` is called, also where it can never be done."""
        report = _Report(write, when_done)
        self._open[report] = None
        self._queue.put_nowait(report)
        self._metrics.reports_pending.inc()

    def hold(self) -> None:
        """Nothing goes out until `go_on`: the store has to know first what is relayed here."""
        self._may_go.clear()

    def go_on(self) -> None:
        """The store can place what is said."""
        self._may_go.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing goes out meanwhile: thousands of clients are closed first, and reported after."""
        self._is_quiet.clear()
        try:
            yield
        finally:
            self._is_quiet.set()

    async def flush(self, deadline_seconds: float) -> bool:
        """Waits until all is written; False when the deadline came first, and what is lost with this process is logged."""
        self.go_on()
        self.when_away = lambda: None  # there is no time to adopt first
        try:
            await asyncio.wait_for(self._queue.join(), deadline_seconds)
        except TimeoutError:
            lost = Counter(report.kind for report in self._open)
            for kind, number in lost.items():
                self._metrics.reports_lost.labels(kind).inc(number)
            log.error("reports_not_taken_by_the_store", lost=lost.total(), **lost)
            return False
        return True

    async def close(self) -> None:
        """Stops the writers; call `flush` before."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _write(self) -> None:
        for number in count(1):
            if number % _TURN == 0:
                await asyncio.sleep(0)  # a store in memory answers without waiting: others must have their turn
            report = await self._queue.get()
            await self._is_quiet.wait()
            await self._until_taken(report.write)
            del self._open[report]
            if report.when_done is not None:
                report.when_done()
            self._metrics.reports_pending.dec()
            self._queue.task_done()

    async def _until_taken(self, write: Write) -> None:
        while True:
            await self._may_go.wait()
            try:
                await write()
            except Unavailable:
                self._metrics.store_retries.inc()
                self.when_away()
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:
                self._metrics.faults.inc()
                log.exception("report_failed")
                return
            else:
                return
