"""One pool: look, decide, act, say what was done; again every few seconds, and at once when it is needed.

A failure of one look ends that look. What cannot be read is not known, and `decide` freezes for it; nothing here guesses.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

import structlog

from autoscaler.decide import decide
from autoscaler.decision import Decision
from autoscaler.io.acting import Reach, carry_out
from autoscaler.io.leading import Leader
from autoscaler.io.memories import Memories
from autoscaler.io.metrics import AutoscalerMetrics
from autoscaler.io.protecting import Protecting
from autoscaler.io.registry import Registry
from autoscaler.io.signals import Signals
from autoscaler.io.target import Target
from autoscaler.io.telling import Telling
from autoscaler.memory import Memory
from autoscaler.observation import Freeze, Observation, TargetSeen
from autoscaler.observing import Place, observation
from autoscaler.policy import PoolPolicy
from autoscaler.recalled import AHEAD, believable
from scheduler.store import Store

LEAST_SECONDS = 1.0  # between two looks, whatever happens
STANDBY_SECONDS = 0.2  # between two questions whether it leads now
LOOK_WITHIN = 5.0
LATE_SECONDS = 90.0  # a removal may take most of it
_LAST_WORD_WITHIN = 2.0
_log = structlog.get_logger("moorage.autoscaler")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the pools of one process share."""

    store: Store
    registry: Registry
    signals: Signals
    metrics: AutoscalerMetrics


class Pool:
    """One, until its task is cancelled."""

    def __init__(self, policy: PoolPolicy, target: Target, leader: Leader, around: Surroundings) -> None:
        self.policy = policy  # may be replaced between two looks
        self.target = target
        self._leader = leader
        self._around = around
        self._reach = Reach(around.store, target, leader)
        self._memories = Memories(around.store, self.place)
        self._telling = Telling(around.store, around.metrics, self.place)
        self._protecting = Protecting(target)
        self._memory: Memory | None = None
        self._needed = asyncio.Event()
        self._last = 0.0  # the store's clock at the last look
        self._hold_until = 0.0
        self._looked_at: float | None = None
        self._complaint = ""

    @property
    def place(self) -> Place:
        """Region and pool."""
        return self.policy.region, self.policy.pool

    @property
    def is_looking(self) -> bool:
        """Whether a look ended not long ago, without an error, whatever it saw."""
        late = asyncio.get_running_loop().time() - LATE_SECONDS - self.policy.every
        return self._looked_at is not None and self._looked_at > late

    def nudge(self) -> None:
        """Look now."""
        self._needed.set()

    async def run(self) -> None:
        """Until cancelled; then what it learned is kept once more."""
        self._around.metrics.known(self.place)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._leader.run(), name="lead")
                tasks.create_task(self._protecting.run(), name="protect")
                tasks.create_task(self._watch_office(), name="office")
                await self._tick_for_ever()
        finally:
            self._around.metrics.forget(self.place)

    async def tick(self) -> None:
        """One look and what follows."""
        is_leading = self._leader.is_leading
        self._around.metrics.leads(self.place, is_leading=is_leading)
        if not is_leading:
            self._memory = None
            return
        self._set_clock()
        if self._memory is None and (recalled := await self._memories.recall()) is not None:
            self._memory = self._believed(recalled)
        if self._memory is None:
            self._around.metrics.frozen(self.place, {Freeze.REGISTRY})
            return
        memory = self._memory
        seen = await self._look()
        if self._memory is memory:  # else the office was lost meanwhile, and what another one learned is not known yet
            await self._step(seen, memory)

    async def _watch_office(self) -> None:
        """Forgets what it learned as soon as somebody else could have learned more: also where it was stopped for a while, and
        leads again before its next look."""
        while True:
            if not self._leader.is_leading:
                self._memory = None
            elif self._memory is None:
                self.nudge()
            await asyncio.sleep(STANDBY_SECONDS)

    async def _tick_for_ever(self) -> None:
        clock = asyncio.get_running_loop().time
        try:
            while True:
                began_at = clock()
                self._needed.clear()
                try:
                    await self.tick()
                    self._looked_at = clock()
                except Exception as error:
                    self._complain("look_failed", error)
                if self._memory is not None:
                    self._around.metrics.ticked(self.place, clock() - began_at)
                await self._rest(began_at)
        finally:
            await self._last_word()

    async def _rest(self, began_at: float) -> None:
        """Until the next look is due, or needed."""
        clock = asyncio.get_running_loop().time
        if self._memory is None:  # it does not lead, or does not know yet what its predecessor knew
            await asyncio.sleep(STANDBY_SECONDS if not self._leader.is_leading else LEAST_SECONDS)
            return
        await asyncio.sleep(max(0.0, began_at + LEAST_SECONDS - clock(), self._hold_until - clock()))
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, began_at + self.policy.every - clock())):
                await self._needed.wait()

    async def _look(self) -> Observation:
        registry, target = await asyncio.gather(self._around.registry.look(), self._look_at_target())
        await asyncio.sleep(0)  # each of these takes milliseconds at a thousand workers: others come in between
        now = self._now()
        samples = self._around.signals.samples(self.policy)
        seen = observation(self.policy, registry, target, samples, now)
        self._around.metrics.seen(self.place, seen, now)
        await asyncio.sleep(0)
        self._telling.watch(seen)
        await asyncio.sleep(0)
        return seen

    async def _look_at_target(self) -> TargetSeen | None:
        try:
            async with asyncio.timeout(LOOK_WITHIN):
                return await self.target.look()
        except TimeoutError:
            self._complain("target_look_failed", TimeoutError(f"no answer in {LOOK_WITHIN:g} s"))
        except Exception as error:
            self._complain("target_look_failed", error)
        return None

    def _complain(self, what: str, error: Exception) -> None:
        """With its trace where it is another than the last one: what fails at each look must not fill the log."""
        said = f"{what}: {type(error).__name__}: {error}"
        if said != self._complaint:
            self._complaint = said
            _log.error(what, region=self.policy.region, pool=self.policy.pool, exc_info=error)

    async def _step(self, seen: Observation, memory: Memory) -> None:
        began_at = time.perf_counter()
        decision, remembered = self._decided(seen, memory)
        self._around.metrics.decided(self.place, decision, time.perf_counter() - began_at)
        self._memory = remembered
        self.target.announce(decision.frozen)

        async def remember() -> bool:
            return self._leader.is_leading and await self._memories.keep(remembered, at_once=True)

        carried = await carry_out(self._reach, seen, decision, remember)
        if carried.conflicts:
            self._needed.set()
        self._hold_until = asyncio.get_running_loop().time() + (carried.retry_after or 0.0)
        self._around.metrics.carried(self.place, carried)
        self._protect(seen)
        await self._telling.tell(self.policy, seen, decision, carried)
        if self._leader.is_leading:
            await self._memories.keep(remembered, at_once=carried.is_change)

    def _decided(self, seen: Observation, memory: Memory) -> tuple[Decision, Memory]:
        """A memory with which nothing can be decided is forgotten: it would fail at each look, and for whoever leads next."""
        try:
            return decide(self.policy, seen, memory, self._now())
        except Exception as error:
            decided = decide(self.policy, seen, Memory(cordoned=memory.cordoned), self._now())
            self._complain("memory_forgotten", error)
            return decided

    def _believed(self, memory: Memory) -> Memory:
        believed = believable(memory, self._now())
        if believed is not memory:
            _log.error(
                "memory_forgotten",
                region=self.policy.region,
                pool=self.policy.pool,
                detail="damaged, or of a clock ahead",
            )
        return believed

    def _protect(self, seen: Observation) -> None:
        if seen.workers is None:
            return
        busy = {worker.member: worker.used > 0 for worker in seen.workers if worker.member is not None}
        self._protecting.put(
            frozenset(member for member, is_busy in busy.items() if is_busy),
            frozenset(member for member, is_busy in busy.items() if not is_busy),
        )

    def _now(self) -> float:
        """The store's clock, which may be set anew after an outage, never backwards within a look."""
        self._last = max(self._last, self._around.store.now())
        return self._last

    def _set_clock(self) -> None:
        """A little back is waited out. Set back by more it is followed: else nothing would pass, no wish be heard, until it is
        where it was."""
        now = self._around.store.now()
        if now < self._last - AHEAD:
            _log.warning(
                "clock_set_back", region=self.policy.region, pool=self.policy.pool, seconds=round(self._last - now)
            )
            self._last = now
            self._memory = believable(self._memory, now) if self._memory is not None else None

    async def _last_word(self) -> None:
        if self._memory is not None and self._leader.is_leading:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORD_WITHIN):
                    await self._memories.keep(self._memory, at_once=True)
