"""Carries a decision out, in the order that autoscaler/decision.py fixes.

Before each write: does this process still lead? After each refusal: what follows from the step is left out, and the next look
tells. Nothing is tried twice here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from autoscaler.decision import Decision
from autoscaler.io.leading import Leader
from autoscaler.io.target import Failed, Lost, Target, Written
from autoscaler.observation import Observation
from autoscaler.records import Carried
from moorage.ids import WorkerId
from scheduler.store import Store, Unavailable
from scheduler.values import Done, Refused

STORE_WITHIN = 2.0
WRITE_WITHIN = 15.0
REMOVE_WITHIN = 60.0  # settle, look again, lower, verify; or a process that takes its time to end
_log = structlog.get_logger("moorage.autoscaler")


class Deposed(Exception):
    """Another process leads, or the store cannot be reached: nothing more is written in this look."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What one pool's writes go through."""

    store: Store
    target: Target
    leader: Leader


async def carry_out(
    reach: Reach, seen: Observation, decision: Decision, remember: Callable[[], Awaitable[bool]]
) -> Carried:
    """All of it, or what could be done. `remember` keeps the memory that came with the decision, and is called before the
    first cordon: one that nobody remembers would look like an operator's."""
    acting = _Acting(reach, decision)
    try:
        await acting.uncordon()
        await acting.raise_replicas(seen)
        if decision.cordon and await remember():
            await acting.cordon()
        await acting.remove(seen)
    except Deposed as why:
        acting.trouble(str(why))
    except Exception as error:
        _log.exception("step_failed", region=decision.region, pool=decision.pool)
        acting.trouble(f"{type(error).__name__}: {error}")
    return acting.carried


class _Acting:
    def __init__(self, reach: Reach, decision: Decision) -> None:
        self.carried = Carried()
        self._reach = reach
        self._decision = decision

    def trouble(self, why: str) -> None:
        self.carried = replace(self.carried, troubles=(*self.carried.troubles, why[:500]))

    async def uncordon(self) -> None:
        for worker in self._decision.uncordon:
            if await self._asked("uncordon", worker, self._reach.store.uncordon):
                self.carried = replace(self.carried, uncordoned=(*self.carried.uncordoned, worker))

    async def cordon(self) -> None:
        for worker in self._decision.cordon:
            if await self._asked("cordon", worker, self._reach.store.cordon):
                self.carried = replace(self.carried, cordoned=(*self.carried.cordoned, worker))

    async def raise_replicas(self, seen: Observation) -> None:
        target = seen.target
        if target is None or self._decision.replicas <= target.replicas:
            return
        self._lead()
        wanted = self._decision.replicas
        answer = await self._within(WRITE_WITHIN, self._reach.target.raise_to(wanted, was=target.replicas))
        self._took(answer, f"raise to {wanted}")

    async def remove(self, seen: Observation) -> None:
        """Only what the store retired: from then on no session can come to it."""
        retire = self._reach.store.retire
        victims = [each for each in self._decision.retire if await self._asked("retire", each.worker, retire)]
        if not victims or seen.target is None:
            return
        self.carried = replace(self.carried, retired=tuple(victim.worker for victim in victims))
        if self.carried.conflicts or self.carried.retry_after:
            return  # the replicas are not what they were, or may not be written: the next look sees the retired ones
        self._lead()
        was = self.carried.replicas if self.carried.replicas is not None else seen.target.replicas
        answer = await self._within(REMOVE_WITHIN, self._reach.target.remove(victims, was=was))
        self._took(answer, f"remove {len(victims)} of {was}")

    async def _asked(self, what: str, worker: WorkerId, ask: Callable[[WorkerId], Awaitable[Done | Refused]]) -> bool:
        self._lead()
        try:
            async with asyncio.timeout(STORE_WITHIN):
                answer = await ask(worker)
        except (Unavailable, TimeoutError) as error:
            raise Deposed(f"{what} {worker}: the store cannot be reached: {error}") from error
        if isinstance(answer, Refused):
            self.trouble(f"{what} {worker}: {answer.code.value}: {answer.detail}")
            return False
        return True

    async def _within(self, seconds: float, work: Awaitable[Written | Lost | Failed]) -> Written | Lost | Failed:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            return Failed(f"no answer in {seconds:g} s")

    def _took(self, answer: Written | Lost | Failed, what: str) -> None:
        match answer:
            case Written(replicas, removed):
                self.carried = replace(self.carried, replicas=replicas, removed=(*self.carried.removed, *removed))
            case Lost(detail):
                self.carried = replace(self.carried, conflicts=self.carried.conflicts + 1)
                self.trouble(f"{what}: somebody else moved the replicas: {detail}")
            case Failed(detail, retry_after):
                self.carried = replace(self.carried, retry_after=retry_after)
                self.trouble(f"{what}: {detail}")

    def _lead(self) -> None:
        if not self._reach.leader.is_leading:
            raise Deposed("another process leads now")
