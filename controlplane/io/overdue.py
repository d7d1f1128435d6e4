"""The sweep: sessions that nobody will end otherwise.

- pending ones that never connected in time: EXPIRED
- terminations that could not be told to the store: told now
- active ones that the store has not known for so long that nobody can bring them back: FAILED, WORKER_LOST

Each ends through the store, which has the last word. Every round is bounded. Of several control planes one sweeps.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io import sessions
from controlplane.io.callers import Callers
from controlplane.io.consumer import forget_early, write_early
from controlplane.io.context import Context
from controlplane.io.joinkeys import publish
from controlplane.io.sql import answers
from controlplane.io.sql import sessions as rows
from controlplane.progress import absent_for
from controlplane.sessions import Session
from moorage.errors import Code
from moorage.ids import SessionId
from scheduler.io.ending import end_exactly
from scheduler.store import Unavailable
from scheduler.values import End, Ended, EndRecord, Outcome, SessionView

PAGE = 200
AT_ONCE = 20  # a gateway that is silent costs each end most of a second
FORGET_EVERY = 600.0
PUBLISH_EVERY = 10.0
ROLE = "controlplane-sweep"
LEAD_SECONDS = 5.0  # and three rounds: a leader that died is followed after so long

_log = structlog.get_logger("moorage.controlplane.overdue")


class Sweep:
    """One task; remembers which active sessions the store does not know, and since when."""

    def __init__(self, context: Context, callers: Callers) -> None:
        self._context = context
        self._callers = callers
        self._stopped = asyncio.Event()
        self._name = f"controlplane-{os.urandom(6).hex()}"
        self._leads_for = LEAD_SECONDS + 3 * context.policy.sweep_every_seconds
        self._absent_since: dict[SessionId, float] = {}
        self._overdue_after = self._active_after = ""  # pages go round, so that rows that stay hide no others
        self._forget_at = self._publish_at = 0.0

    def stop(self) -> None:
        """The last round is the one under way."""
        self._stopped.set()

    async def _resign(self) -> None:
        """Another control plane need not wait for the lead to lapse."""
        with suppress(Unavailable):
            await self._context.store.lead(ROLE, self._name, 0)

    async def run(self) -> None:
        """Until stopped; a round that fails is tried again with the next."""
        while not await self._rested():
            try:
                await self.round()
            except Exception as error:
                self._context.metrics.sweep_failures.inc()
                _log.warning("sweep_failed", error=repr(error))
        await self._resign()

    async def round(self) -> None:
        """Everything once."""
        await self._callers.write_uses()
        if not await self._context.store.lead(ROLE, self._name, self._leads_for):
            self._absent_since.clear()  # whoever leads has seen what came back meanwhile
            return
        now = self._context.store.now()
        await write_early(self._context)
        await self._end_overdue(now)
        await self._end_absent(now)
        await self._forget(now)
        await self._publish(now)

    async def _rested(self) -> bool:
        try:
            await asyncio.wait_for(self._stopped.wait(), self._context.policy.sweep_every_seconds)
        except TimeoutError:
            return False
        return True

    async def _end_overdue(self, now: float) -> None:
        after = self._overdue_after
        page = await self._context.database.ask(lambda connection: rows.overdue(connection, now, after, PAGE))
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
        after = self._active_after
        page = await self._context.database.ask(lambda connection: rows.active(connection, after, PAGE))
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
        if now - since < absent_for(self._context.policy.resume_seconds):
            return None
        reason = "WORKER_LOST"  # neither worker nor gateway came back with it
        return End(session.id, Outcome.FAILED, Code.WORKER_LOST, reason, "scheduler", workspace=session.workspace)

    async def _end(self, session: Session, end: End | EndRecord | None) -> None:
        if isinstance(end, End):
            answer = await end_exactly(self._context.store, end)
            end = answer.record if isinstance(answer, Ended) else None
        if end is not None:
            self._absent_since.pop(session.id, None)
            await self._write_end(session.id, end)

    async def _write_end(self, session: SessionId, record: EndRecord) -> None:
        async def work(connection: AsyncConnection) -> None:
            row = await rows.hold(connection, session)
            if row is not None:
                await sessions.write_end(self._context, connection, row, record)

        await self._context.database.change(work)

    async def _forget(self, now: float) -> None:
        if now < self._forget_at:
            return
        self._forget_at = now + FORGET_EVERY
        before = now - self._context.policy.idempotency_seconds
        await self._context.database.change(lambda connection: answers.forget(connection, before))
        await forget_early(self._context)

    async def _publish(self, now: float) -> None:
        """Join keys again: a store may have lost its data, a control plane may have died between row and store."""
        if now < self._publish_at:
            return
        self._publish_at = now + PUBLISH_EVERY
        await publish(self._context)
