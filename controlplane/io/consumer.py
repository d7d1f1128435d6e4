"""Store events become rows: fetch, write in one transaction, acknowledge. Nothing is acknowledged before it is written.

A batch that is delivered again changes nothing (controlplane/progress.py). An event whose session has no row, because
another control plane has not committed it yet, is written down beside the rows and follows when there is one. While the
database fails, events stay in the store and the consumer tries again with growing pauses.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io import sessions
from controlplane.io.context import Context
from controlplane.io.sql import early
from controlplane.io.sql import sessions as rows
from controlplane.progress import after_event
from controlplane.sessions import Session
from moorage.ids import SessionId
from scheduler.values import Event

BATCH = 500
WAIT = 5.0  # for the first event; ended at once by a stop
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
LAST_WRITES = 5.0  # seconds after the stop
EARLY_KEPT = 3600.0  # far longer than any transaction that makes a row may take

_log = structlog.get_logger("moorage.controlplane.consumer")


class Consumer:
    """One task; `stop` lets it write what is there."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._name = f"controlplane-{os.urandom(6).hex()}"  # what was delivered to a process that died goes to another
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Nothing is waited for any more; what is there is still written."""
        self._stopped.set()

    async def run(self) -> None:
        """Until stopped; survives whatever a batch raises."""
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            try:
                await self.step()
                pause = FIRST_PAUSE
            except Exception as error:
                self._context.metrics.consumer_failures.inc()
                _log.warning("events_not_written", error=repr(error), pause_seconds=pause)
                await self._rest(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
        await self._write_the_rest()

    async def step(self) -> int:
        """One batch; answers how many events it had."""
        events = await self._fetch()
        return await self._take(events) if events else 0

    async def _take(self, events: list[Event]) -> int:
        await write_events(self._context, events)
        await self._context.store.acknowledge(self._name, events)
        self._context.metrics.events_lag_seconds.set(max(0.0, self._context.store.now() - events[0].at))
        return len(events)

    async def _fetch(self) -> list[Event]:
        fetching = asyncio.ensure_future(self._context.store.events(self._name, BATCH, WAIT))
        stopping = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({fetching, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return fetching.result() if fetching.done() else []
        finally:
            for task in (fetching, stopping):
                task.cancel()
            await asyncio.wait({fetching, stopping})

    async def _write_the_rest(self) -> None:
        """What is there at the end: a store in memory would lose it. Bounded; a store that keeps it is read again later."""
        try:
            async with asyncio.timeout(LAST_WRITES):
                while events := await self._context.store.events(self._name, BATCH, 0):
                    await self._take(events)
        except Exception as error:
            self._context.metrics.consumer_failures.inc()
            _log.warning("last_events_not_written", error=repr(error))

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return


async def write_events(context: Context, events: list[Event]) -> None:
    """All of them in one transaction, in order."""
    nodes = await _nodes(context)

    async def work(connection: AsyncConnection) -> int:
        known = await rows.hold_all(connection, _sessions_of(events))
        of_rows = [event for event in events if event.session in known]
        await _write(context, connection, known, of_rows, nodes)
        others = [event for event in events if event.session is not None and event.session not in known]
        return await early.add(connection, others, context.store.now()) if others else 0

    if new := await context.database.change(work):
        context.metrics.events_early.inc(new)
        _log.warning("events_before_their_row", events=new)


async def write_early(context: Context) -> int:
    """Those events that came before their session's row, and have one now; answers how many."""
    if not await context.database.ask(lambda connection: early.due(connection, 1)):
        return 0
    nodes = await _nodes(context)

    async def work(connection: AsyncConnection) -> int:
        events = await early.due(connection, BATCH)
        known = await rows.hold_all(connection, _sessions_of(events))
        await _write(context, connection, known, events, nodes)
        await early.remove(connection, events)
        return len(events)

    return await context.database.change(work)


async def forget_early(context: Context) -> None:
    """Events that waited for a row too long: their session was made with another database, or is gone from this one."""
    before = context.store.now() - EARLY_KEPT
    if gone := await context.database.change(lambda connection: early.forget(connection, before)):
        context.metrics.events_unknown.inc(gone)
        _log.warning("events_without_row", events=gone)


async def _nodes(context: Context) -> dict[str, str]:
    return {str(gateway): node for gateway, node in (await context.store.nodes()).items()}


def _sessions_of(events: list[Event]) -> list[SessionId]:
    return list({event.session for event in events if event.session is not None})


async def _write(
    context: Context,
    connection: AsyncConnection,
    known: dict[SessionId, Session],
    events: list[Event],
    nodes: dict[str, str],
) -> None:
    """In order; each row is written once, as its last event leaves it, and all of them by one statement."""
    now = dict(known)
    for event in events:
        if event.session is not None:
            now[event.session] = _after(context, now[event.session], event, nodes)
    await rows.save_all(connection, [session for id_, session in now.items() if session is not known[id_]])


def _after(context: Context, session: Session, event: Event, nodes: dict[str, str]) -> Session:
    if event.end is not None:
        return sessions.ended_by(context, session, event.end)
    changed = after_event(session, event, nodes)
    if changed is not session:
        if context.policy.node_url:
            changed = replace(changed, node=context.policy.node_url)
        context.metrics.events.labels(event.type).inc()
    return changed
