"""The sweep: sessions that nobody will end otherwise.

- pending ones that never connected in time: EXPIRED
- terminations that could not be told to the store: told now
- active ones that the store has not known for so long that nobody can bring them back: FAILED, WORKER_LOST

Each ends through the store, which has the last word. Every round is bounded.
"""

from __future__ import annotations

import asyncio

import structlog

from controlplane.io import sessions
from controlplane.io.callers import Callers
from controlplane.io.context import Context
from controlplane.io.sql import answers
from controlplane.io.sql import sessions as rows
from controlplane.progress import ABSENT_FOR
from controlplane.sessions import Session
from moorage.errors import Code
from moorage.ids import SessionId
from scheduler.io.ending import end_exactly
from scheduler.values import End, Ended, EndRecord, Outcome, SessionView

PAGE = 200
AT_ONCE = 20  # a gateway that is silent costs each end most of a second
FORGET_EVERY = 600.0

_log = structlog.get_logger("moorage.controlplane.overdue")


class Sweep:
    """One task; remembers which active sessions the store does not know, and since when."""

    def __init__(self, context: Context, callers: Callers) -> None:
        self._context = context
        self._callers = callers
        self._stopped = asyncio.Event()
        self._absent_since: dict[SessionId, float] = {}
        self._overdue_after = self._active_after = ""  # pages go round, so that rows that stay hide no others
        self._forget_at = 0.0

    def stop(self) -> None:
        """The last round is the one under way."""
        self._stopped.set()

    async def run(self) -> None:
        """Until stopped; a round that fails is tried again with the next."""
        while not await self._rested():
            try:
                await self.round()
            except Exception as error:
                self._context.metrics.sweep_failures.inc()
                _log.warning("sweep_failed", error=repr(error))

    async def round(self) -> None:
        """Everything once."""
        now = self._context.store.now()
        await self._end_overdue(now)
        await self._end_absent(now)
        await self._callers.write_uses()
        await self._forget(now)

    async def _rested(self) -> bool:
        try:
            await asyncio.wait_for(self._stopped.wait(), self._context.policy.sweep_every_seconds)
        except TimeoutError:
            return False
        return True

    async def _end_overdue(self, now: float) -> None:
        async with self._context.database.read() as connection:
            page = await rows.overdue(connection, now, self._overdue_after, PAGE)
        self._overdue_after = page[-1].id if len(page) == PAGE else ""
        for start in range(0, len(page), AT_ONCE):
            await asyncio.gather(*(self._end_one_overdue(session) for session in page[start : start + AT_ONCE]))

    async def _end_one_overdue(self, session: Session) -> None:
        await self._end(session, await self._overdue_end(session))

    async def _overdue_end(self, session: Session) -> End | EndRecord | None:
        if session.end_wanted is not None:
            reason = session.end_wanted
            return End(session.id, Outcome.COMPLETED, Code.SESSION_ENDED, reason, "api", workspace=session.workspace)
        known = await self._context.store.session(session.id)
        if isinstance(known, EndRecord):
            return known
        if known is not None or await self._context.store.queue(session.id) is not None:
            return None  # it is connecting right now
        reason = "NEVER_CONNECTED"
        return End(session.id, Outcome.EXPIRED, Code.SESSION_EXPIRED, reason, "scheduler", workspace=session.workspace)

    async def _end_absent(self, now: float) -> None:
        async with self._context.database.read() as connection:
            page = await rows.active(connection, self._active_after, PAGE)
        self._active_after = page[-1].id if len(page) == PAGE else ""
        for session in page:
            await self._end(session, await self._absent_end(session, now))
        if not page:
            self._absent_since.clear()

    async def _absent_end(self, session: Session, now: float) -> End | EndRecord | None:
        known = await self._context.store.session(session.id)
        if isinstance(known, SessionView):
            self._absent_since.pop(session.id, None)
            return None
        if isinstance(known, EndRecord):
            return known
        since = self._absent_since.setdefault(session.id, now)
        if now - since < ABSENT_FOR:
            return None
        reason = "WORKER_LOST"  # neither worker nor gateway came back with it
        return End(session.id, Outcome.FAILED, Code.WORKER_LOST, reason, "scheduler", workspace=session.workspace)

    async def _end(self, session: Session, end: End | EndRecord | None) -> None:
        if isinstance(end, End):
            answer = await end_exactly(self._context.store, end)
            end = answer.record if isinstance(answer, Ended) else None
        if end is None:
            return
        self._absent_since.pop(session.id, None)
        async with self._context.database.write() as connection:
            row = await rows.find(connection, session.id)
            if row is not None:
                await sessions.write_end(self._context, connection, row, end)

    async def _forget(self, now: float) -> None:
        if now < self._forget_at:
            return
        self._forget_at = now + FORGET_EVERY
        async with self._context.database.write() as connection:
            await answers.forget(connection, now - self._context.policy.idempotency_seconds)
