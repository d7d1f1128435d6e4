"""What every long-running program has: one opening, readiness, one drain, one closing, and the signals that cause them.

    open -> ready, announced -> (reload)* -> stop -> drain -> close        a second stop cuts the drain short

What is opened is closed in the opposite order, also when the opening fails or is stopped half way.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any, TypeVar

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from moorage.cli.lean import trim
from moorage.cli.observe import (
    LAG_BUCKETS,
    Checks,
    ObserveApp,
    ObserveServer,
    Readiness,
    every,
    page_of,
    watch_loop_lag,
)
from moorage.cli.policies import scheduler_policy
from moorage.cli.programs.start import Start
from moorage.cli.reloading import changes
from moorage.cli.settings import Settings
from moorage.cli.sockets import bound
from moorage.cli.sources import WrongSetting
from scheduler.io.drainer import Drainer
from scheduler.io.sweeper import sweep_forever
from scheduler.store import Store

CLOSE_WITHIN = 10.0  # each step after the drain
LET_GO_WITHIN = 15.0  # from the end of a child's drain to its parent's word: its workers still say goodbye here
_log = structlog.get_logger("moorage.program")
_T = TypeVar("_T")


class Lifecycle:
    """One run on the running loop. Subclasses say what is opened, what makes it ready, and what the drain is."""

    name: str

    def __init__(self, start: Start) -> None:
        self.start = start
        self.settings: Settings = start.settings
        self.registry = CollectorRegistry()
        self.is_ready = False
        self._stops = asyncio.Event()
        self._hurries = asyncio.Event()
        self._looks: list[Callable[[], Awaitable[None]]] = []
        self._closings: list[tuple[str, Callable[[], Awaitable[object]]]] = []
        self._tasks: asyncio.TaskGroup | None = None
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    # what a program says of itself

    async def open(self) -> None:
        """Opens all parts, and registers each with `keep` or `closing`. Raises what keeps a part from starting."""
        raise NotImplementedError

    async def drain(self) -> None:
        """The order of the drain, a line a step."""
        raise NotImplementedError

    @property
    def is_serving(self) -> bool:
        """Whether clients should come: what /readyz answers."""
        return self.is_ready

    def reloaded(self) -> None:
        """`settings` are new, in those that can change; certificates are to be read again."""

    def renew(self) -> None:
        """SIGUSR2, where it means something."""

    # what moves it

    def stop(self) -> None:
        """SIGTERM, SIGINT: the first drains, the second hurries."""
        (self._hurries if self._stops.is_set() else self._stops).set()

    def reload(self) -> None:
        """SIGHUP."""
        if not self.is_ready:
            return
        try:
            fresh = self.start.again()
        except WrongSetting as error:
            _log.error("not_reloaded", why=str(error))
            return
        taken, left = changes(self.settings, fresh)
        self.settings = fresh
        logging.getLogger().setLevel(fresh.log_level.upper())
        self.reloaded()
        _log.info("reloaded", changed=taken)
        if left:
            _log.warning("restart_needed", settings=left, detail="these are in force after the next start")

    async def serve(self, announce: Callable[[], None]) -> None:
        """Until stopped. Raises what keeps a part from starting, an ExceptionGroup where a part breaks later."""
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as self._tasks:
                try:
                    if await self.until_stopped(self.open()):
                        await self._run(announce)
                except Exception as error:
                    failure = error
                await self._close()
        finally:
            await self._close()  # what is left where a part broke
        if failure is not None:
            raise failure

    # what programs are made with

    @property
    def is_stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._stops.is_set()

    def keep(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Runs it until its turn to be closed; if it fails, the program does."""
        assert self._tasks is not None
        task = self._tasks.create_task(work, name=name)

        async def cancel() -> None:
            task.cancel()
            await asyncio.wait({task})

        self.closing(name, cancel)

    def closing(self, name: str, close: Callable[[], Awaitable[object]]) -> None:
        """At the end, in the opposite order; one that fails or hangs keeps no other from closing."""
        self._closings.append((name, close))

    async def entered(self, name: str, manager: AbstractAsyncContextManager[_T]) -> _T:
        """Opens it for the rest of the run."""
        opened = await manager.__aenter__()
        self.closing(name, partial(manager.__aexit__, None, None, None))
        return opened

    def observe(self, checks: Checks) -> ObserveServer:
        """Serves metrics and health from now on, so that a start that waits can be watched."""
        page = page_of(self.registry, self._refresh)
        return self.observe_with(ObserveApp(page, partial(self.readiness, checks, self._refresh)))

    def refreshing(self, look: Callable[[], Awaitable[None]]) -> None:
        """Looks before metrics and health are shown, until its turn to be closed."""
        self._looks.append(look)

        async def forget() -> None:
            self._looks.remove(look)

        self.closing("look", forget)

    def observe_with(self, app: ObserveApp) -> ObserveServer:
        """The same with pages of its own."""
        group = self.settings.observe
        sock = self.start.socket("observe") or bound(group.host or self.settings.host, group.port)
        server = ObserveServer(app, sock)
        ready = Gauge(
            f"moorage_{self.name}_ready", "1 while clients should come, as /readyz says.", registry=self.registry
        )
        ready.set_function(lambda: float(self.is_serving))
        self.keep(server.serve(), "observe")
        self.keep(watch_loop_lag(self.registry, self.name), "loop-lag")
        return server

    def work_for(self, store: Store) -> None:
        """What every process does for a store, whoever else does it too: lets its time pass, works off its drains."""
        about = "How late a sweep of the store ended."
        lag = Histogram("moorage_scheduler_sweep_lag_seconds", about, buckets=LAG_BUCKETS, registry=self.registry)
        self.keep(sweep_forever(store, lag.observe), "sweeper")
        told = Counter("moorage_scheduler_drain_told", "Sessions told to move by a drain.", registry=self.registry)
        self.keep(Drainer(store, scheduler_policy(self.settings), told.inc).run(), "drainer")

    async def unless_hurried(self, work: Coroutine[Any, Any, None]) -> bool:
        """Cut short by the second stop; whether it was done."""
        return await _first(work, self._hurries)

    async def until_stopped(self, work: Coroutine[Any, Any, None]) -> bool:
        """Cut short by the first; whether it was done."""
        return await _first(work, self._stops)

    # the rest

    async def _run(self, announce: Callable[[], None]) -> None:
        self.is_ready = True
        announce()
        trim()
        await self._stops.wait()
        self.is_ready = False  # balancers turn away
        _log.info("draining", program=self.name)
        await self.drain()
        if self.start.inherited is not None:
            await self._let_go()

    async def _let_go(self) -> None:
        """A child says that it is drained, and stays until its parent closes its stdin, or is gone."""
        with suppress(OSError):
            os.write(1, b'{"drained": true}\n')
        with suppress(TimeoutError):
            async with asyncio.timeout(LET_GO_WITHIN if os.getppid() == self._parent else 0):
                await self._hurries.wait()

    _parent = os.getppid()

    async def _refresh(self) -> None:
        await every(*self._looks)()

    async def readiness(self, checks: Checks, refresh: Callable[[], Awaitable[None]]) -> Readiness:
        """What /readyz shows."""
        await refresh()
        return Readiness(self.is_serving, {name: check() for name, check in checks.items()})

    async def _close(self) -> None:
        while self._closings:
            name, close = self._closings.pop()
            try:
                async with asyncio.timeout(CLOSE_WITHIN):
                    await close()
            except Exception:
                _log.exception("close_failed", part=name)


async def _first(work: Coroutine[Any, Any, None], event: asyncio.Event) -> bool:
    """Whether the work was done before the event. Raises what the work raises."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        waiting.cancel()
        await asyncio.wait({working, waiting})
    if working.cancelled():
        return False
    working.result()
    return True
