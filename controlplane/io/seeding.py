"""What the store must know from SQL: ended sessions, revocations, join keys, token keys, scale requests. At start, and when it
lost its data.

How a loss is noticed: the document of token keys is written last of all, so a store that has none needs everything. Every
control plane looks once a second, and writing everything twice does no harm. A fail-over that lost only the last seconds
keeps the document: revocations younger than a minute are looked for one by one.
"""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from controlplane.io import scaling
from controlplane.io.context import Context
from controlplane.io.joinkeys import publish
from controlplane.io.signing import Signing
from controlplane.io.sql import revocations, sessions
from controlplane.io.sql.sessions import Mark
from controlplane.revocations import DEFAULT_REASON
from moorage.ids import SessionId
from moorage.tokens import LEEWAY
from scheduler.store import Unavailable
from scheduler.values import Revocation

LOOK_EVERY = 1.0
LOOK_FOR_YOUNG_EVERY = 5.0
YOUNG = 60.0  # a replica is never so far behind its primary and yet promoted
BATCH = 1000  # ids a call: a few milliseconds in any store

_log = structlog.get_logger("moorage.controlplane.seeding")


class Seeding:
    """One task: keeps the store supplied, and turns to new signing keys when the gateways have had time to hear of them."""

    def __init__(self, context: Context, signing: Signing) -> None:
        self._context = context
        self._signing = signing
        self._stopped = asyncio.Event()
        self._is_away = False
        self._look_for_young_at = 0.0

    def stop(self) -> None:
        """The last look is the one under way."""
        self._stopped.set()

    async def begin(self) -> None:
        """Before anything is served; what a store that is away needs, it gets when it is back."""
        try:
            await self.step()
        except Unavailable:
            self._is_away = True
            _log.warning("store_not_seeded", detail="the store cannot be reached: it is seeded as soon as it is back")

    async def run(self) -> None:
        """Until stopped; survives whatever a look raises."""
        while not await self._rested():
            try:
                await self.step()
                await self._restore_young()
                self._is_away = False
            except Unavailable:
                if not self._is_away:
                    _log.warning("store_unavailable")
                self._is_away = True
            except Exception as error:
                self._context.metrics.seeding_failures.inc()
                _log.warning("seeding_failed", error=repr(error))

    async def step(self) -> None:
        """Everything, if the store has nothing; and the next step of a turn of keys."""
        if await self._context.store.token_keys() is None:
            await self.seed()
        await self._signing.step()

    async def seed(self) -> None:
        """Everything, in bounded batches; the mark that it is there comes last."""
        await publish(self._context)
        ended = await self._seed_ended()
        wanted = await self._seed_wanted_ends()
        revoked = await self._seed_revocations()
        wishes = await scaling.seed(self._context)
        await self._signing.publish()
        self._context.metrics.seedings.inc()
        _log.info("store_seeded", ended=ended, wanted_ends=wanted, revocations=revoked, scale_requests=wishes)

    async def _seed_ended(self) -> int:
        count, since = 0, self._context.store.now() - LEEWAY
        mark: Mark = (since, SessionId(""))
        while True:
            page = await self._context.database.ask(partial(sessions.tombstones, now=since, after=mark, limit=BATCH))
            if page:
                await self._context.store.seed({session: until + LEEWAY for until, session in page}, [])
            count += len(page)
            if len(page) < BATCH:
                return count
            mark = page[-1]

    async def _seed_wanted_ends(self) -> int:
        """As revocations, not as tombstones: their end must still become a record, which the sweep asks for."""
        count, after, now = 0, "", self._context.store.now()
        while True:
            page = await self._context.database.ask(partial(sessions.wanted_ends, after=after, limit=BATCH))
            if page:
                named = [
                    Revocation("session", row.id, row.expires_at + LEEWAY, now, row.end_wanted or DEFAULT_REASON)
                    for row in page
                ]
                await self._context.store.seed({}, named)
            count += len(page)
            if len(page) < BATCH:
                return count
            after = page[-1].id

    async def _seed_revocations(self) -> int:
        count, after, now = 0, "", self._context.store.now()
        while True:
            page = await self._context.database.ask(partial(revocations.in_force, now=now, after=after, limit=BATCH))
            if page:
                await self._context.store.seed({}, [row.value for row in page])
            count += len(page)
            if len(page) < BATCH:
                return count
            after = page[-1].id

    async def _restore_young(self) -> None:
        now = self._context.store.now()
        if now < self._look_for_young_at:
            return
        self._look_for_young_at = now + LOOK_FOR_YOUNG_EVERY
        young = await self._context.database.ask(partial(revocations.young, since=now - YOUNG, limit=BATCH))
        if not young:
            return
        known = {(one.kind, one.id) for one in await self._context.store.revocations()}
        lost = [row.value for row in young if (row.kind.value, row.target) not in known]
        if lost:
            await self._context.store.seed({}, lost)
            _log.warning("revocations_restored", count=len(lost))

    async def _rested(self) -> bool:
        try:
            await asyncio.wait_for(self._stopped.wait(), LOOK_EVERY)
        except TimeoutError:
            return False
        return True
