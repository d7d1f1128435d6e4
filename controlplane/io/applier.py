"""Revocations that are written down are brought to the store until it has taken them, by whichever control plane is there.

First every gateway is told, and ends what it holds with what it metered. When no more ends come, the store ends what is
left, and the row says applied. Each step may happen twice: a control plane that died in between is taken over from.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from time import monotonic

import structlog

from controlplane.io.context import Context
from controlplane.io.sql import revocations, sessions
from controlplane.revocations import RevocationRow
from moorage.ids import RevocationId
from scheduler.io.revoking import SETTLE_SECONDS, warn
from scheduler.store import Unavailable

IDLE, BUSY = 0.5, 0.1  # between two looks; together with the gateways' half second within 1 s of the store's return
PAGE = 1000

_log = structlog.get_logger("moorage.controlplane.applier")


@dataclass(frozen=True, slots=True)
class Progress:
    """How many sessions were left, and when."""

    at: float
    left: int | None = None


class Applier:
    """One task; remembers which revocations it has told the gateways of, and how far they are."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._warned: dict[RevocationId, Progress] = {}
        self._stopped = asyncio.Event()
        self._is_away = False

    def stop(self) -> None:
        """The last round is the one under way; what is left is applied by another, or at the next start."""
        self._stopped.set()

    async def run(self) -> None:
        """Until stopped; survives whatever a round raises."""
        pause = 0.0
        while not await self._rested(pause):
            try:
                pause = BUSY if await self.round() else IDLE
                self._is_away = False
            except Unavailable:
                if not self._is_away:
                    _log.warning("revocations_wait_for_the_store", pending=len(self._warned))
                self._is_away, pause = True, BUSY
            except Exception as error:
                self._context.metrics.applier_failures.inc()
                _log.warning("applier_failed", error=repr(error))
                pause = IDLE

    async def round(self) -> bool:
        """Every revocation one step further; whether any is left."""
        pending = await self._context.database.ask(lambda connection: revocations.unapplied(connection, PAGE))
        self._context.metrics.revocations_pending.set(len(pending))
        self._warned = {row.id: self._warned[row.id] for row in pending if row.id in self._warned}
        await self._warn([row for row in pending if row.id not in self._warned])
        return await self._settle(pending) < len(pending)

    async def _warn(self, rows: list[RevocationRow]) -> None:
        if rows:
            await warn(self._context.store, [row.value for row in rows])
            self._warned |= {row.id: Progress(monotonic()) for row in rows}

    async def _settle(self, rows: list[RevocationRow]) -> int:
        due = [row for row in rows if await self._is_settled(row)]
        for row in due:
            left = await self._context.store.revoke(row.value)
            _log.info("revocation_applied", id=row.id, kind=row.kind.value, target=row.target, ended_by_store=left)
        if due:
            ids, at = [row.id for row in due], self._context.store.now()
            await self._context.database.change(lambda connection: revocations.applied(connection, ids, at))
        return len(due)

    async def _is_settled(self, row: RevocationRow) -> bool:
        """Whether gateways have said all they will: nothing is left, or nothing more has ended for a while."""
        before, now = self._warned[row.id], monotonic()
        if now - before.at < SETTLE_SECONDS:
            return False
        left = await self._context.database.ask(partial(sessions.live_of, kind=row.kind.value, named=row.target))
        is_moving = left > 0 and (before.left is None or left < before.left)
        if is_moving:
            self._warned[row.id] = Progress(now, left)
        return not is_moving

    async def _rested(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return False
        return True
