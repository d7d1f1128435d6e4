"""Works off the drains on the store's board, four times a second, in one process of all that could.

Whoever has the role does it; another one takes over within LEAD_SECONDS of its last sign, with no credit to spend. What is
decided is decided in scheduler/drainplans.py and scheduler/drainpace.py.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from moorage.ids import GatewayId, WorkerId
from scheduler.draincover import Places, Seen
from scheduler.drainpace import Pace, Target, accrued, allowed, spent, targets
from scheduler.drainplans import advanced, forgettable, is_restless
from scheduler.io.drainorders import enforce
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store, Unavailable
from scheduler.values import DrainPlan, DrainState

EVERY = 0.25
ROLE = "drainer"
LEAD_SECONDS = 3.0
QUIET_SECONDS = 1.0  # where nobody was left to tell, nobody is asked for so long
CALLS = 200  # of move_away in one step; the rest is asked in the next one
REST_SECONDS = 1.0  # between two looks at the fleet while every drain is over
_HAND_BACK_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Drainer:
    """One of them in each process that may do it."""

    def __init__(self, store: Store, policy: SchedulerPolicy, record_told: Callable[[int], None] | None = None) -> None:
        self._store = store
        self._policy = policy
        self._record_told = record_told
        self._holder = os.urandom(8).hex()
        self._pace = Pace()
        self._quiet: dict[WorkerId | GatewayId, float] = {}
        self._led_until = 0.0
        self._looked_at = 0.0

    async def run(self) -> None:
        """Until cancelled; then the role is free at once."""
        clock = asyncio.get_running_loop().time
        due = clock() + EVERY
        try:
            while True:
                await asyncio.sleep(max(0.0, due - clock()))
                await self._try_step()
                due = max(due + EVERY, clock())
        finally:
            with suppress(Exception):
                async with asyncio.timeout(_HAND_BACK_SECONDS):
                    await self._store.lead(ROLE, self._holder, 0.0)

    async def step(self) -> None:
        """One look at the board, and what follows from it. Raises Unavailable."""
        clock = asyncio.get_running_loop().time
        self._led_until = clock() + LEAD_SECONDS
        plans = await self._store.drains() if await self._store.lead(ROLE, self._holder, LEAD_SECONDS) else []
        if not plans:
            self._pace = Pace()
            return
        now = self._store.now()
        if abs(now - self._looked_at) < REST_SECONDS and not any(map(is_restless, plans)):
            return
        self._looked_at = now
        seen = await enforce(self._store, plans)
        told = await self._tell(plans, seen)
        places = Places(seen)
        for plan in plans:
            if self._leads():
                await self._note(plan, advanced(plan, places.of(plan), self._store.now(), told.get(plan.id, 0)))
        await self._forget(plans, places)

    async def _try_step(self) -> None:
        try:
            await self.step()
        except Unavailable as error:
            log.warning("store_unavailable", detail=str(error))
        except Exception:
            log.exception("drain_step_failed")

    def _leads(self) -> bool:
        """A process that was stopped in the middle of a step may have lost the role since."""
        return asyncio.get_running_loop().time() < self._led_until

    async def _tell(self, plans: Sequence[DrainPlan], seen: Seen) -> dict[str, int]:
        """How many sessions of each drain were told."""
        now = self._store.now()
        self._quiet = {target: until for target, until in self._quiet.items() if until > now}
        open_ = {
            id_: [target for target in found if target.of not in self._quiet]
            for id_, found in targets(plans, seen).items()
        }
        rates = {plan.id: plan.rate_per_second for plan in plans if plan.state is DrainState.MOVING}
        self._pace = accrued(self._pace, rates, self._policy.drain_rate_per_second, now)
        attached = {id_: sum(target.attached for target in found) for id_, found in open_.items()}
        may, self._pace = allowed(self._pace, attached)
        told: dict[str, int] = {}
        calls = CALLS
        for id_, most in may.items():
            asked = open_[id_][:calls]
            calls -= len(asked) if most else 0
            told[id_] = await self._tell_some(asked, most, now)
        self._pace = spent(self._pace, told)
        if self._record_told is not None:
            self._record_told(sum(told.values()))
        return told

    async def _tell_some(self, found: Sequence[Target], most: int, now: float) -> int:
        told = 0
        for target in found:
            if told >= most or not self._leads():
                break
            count = await self._store.move_away(target.of, most - told)
            told += count
            if told < most:
                self._quiet[target.of] = now + QUIET_SECONDS
        return told

    async def _note(self, before: DrainPlan, plan: DrainPlan) -> None:
        if plan == before:
            return
        await self._store.put_drain(plan)
        if plan.state is not before.state:
            log.info(
                "drain_" + plan.state.value,
                drain=plan.id,
                kind=plan.kind.value,
                sessions_left=plan.sessions_left,
                sessions_told=plan.sessions_told,
            )

    async def _forget(self, plans: Sequence[DrainPlan], places: Places) -> None:
        policy = self._policy
        over = forgettable(plans, places, self._store.now(), policy.drain_kept_seconds, policy.drains_kept)
        for plan in over:
            await self._store.drop_drain(plan.id)
