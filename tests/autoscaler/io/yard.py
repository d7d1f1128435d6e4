"""A store in memory in virtual time, with a target whose members come up as workers: where the loop's tests act.

The target is a fake with the rules of a real one: replicas are only ever swapped, members have ids of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from itertools import count
from types import TracebackType
from typing import Any, Self, cast

from prometheus_client import CollectorRegistry

from autoscaler.decision import Frozen, Removal
from autoscaler.io.leading import Leader, StoreLeader
from autoscaler.io.loop import Autoscaler, Makers
from autoscaler.io.metrics import AutoscalerMetrics
from autoscaler.io.signals import NoSignals
from autoscaler.io.target import Failed, Lost, Written
from autoscaler.observation import Freeze, MemberSeen, Phase, Problem, TargetSeen
from autoscaler.policy import LocalTarget, PoolPolicy
from moorage.ids import WorkerId
from scheduler.io.memory import MemoryStore
from scheduler.store import Store
from scheduler.values import Claimed, ClaimState, Heartbeat, Kubernetes, Queued, Registered, Registration
from tests.flows.places import MemoryReach
from tests.scheduler.builders import START, a_request

REGION, POOL = "eu", "gpu"
PLACE = {"region": REGION, "pool": POOL}


def a_policy(**said: Any) -> PoolPolicy:
    """Of the yard's pool: a look every second, no patience with what is not needed."""
    quick = {"every": 1.0, "settle_seconds": 2.0, "down_window": 5.0, "down_every": 1.0, "lead_seconds": 2.0}
    return PoolPolicy(**{"region": REGION, "pool": POOL, "target": LocalTarget(()), "slots": 4, **quick, **said})


class Members:
    """A target. Its members register as workers `start_seconds` after they were made."""

    def __init__(self, store: MemoryStore, pool: str = POOL, *, slots: int = 4, replicas: int = 1) -> None:
        self.log: list[str] = []
        self.problems: tuple[Problem, ...] = ()
        self.answers: list[Lost | Failed] = []  # to the next writes, instead of carrying them out
        self.start_seconds = 0.0
        self.look_error: Exception | None = None
        self.is_closed = False
        self.announced: tuple[Freeze, ...] = ()
        self.protected: tuple[Sequence[str], Sequence[str]] = ((), ())
        self._store = store
        self._pool = pool
        self._slots = slots
        self._numbers = count(1)
        self._members: dict[str, MemberSeen] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._replicas = replicas

    async def look(self) -> TargetSeen | None:
        if self.look_error is not None:
            raise self.look_error
        return TargetSeen(self._replicas, tuple(self._members.values()), self.problems)

    async def raise_to(self, replicas: int, *, was: int) -> Written | Lost | Failed:
        self.log.append(f"raise {was} to {replicas}")
        if self.answers:
            return self.answers.pop(0)
        if was != self._replicas:
            return Lost(f"{self._replicas} replicas, not {was}")
        self._replicas = replicas
        await self.fill()
        return Written(replicas)

    async def remove(self, victims: Sequence[Removal], *, was: int) -> Written | Lost | Failed:
        self.log.append(f"remove {len(victims)} of {was}")
        if self.answers:
            return self.answers.pop(0)
        if was != self._replicas:
            return Lost(f"{self._replicas} replicas, not {was}")
        for victim in victims:
            del self._members[victim.member]
            await self._store.remove(victim.worker)
        self._replicas -= len(victims)
        return Written(self._replicas, tuple(victims))

    async def protect(self, busy: Sequence[str], idle: Sequence[str]) -> None:
        self.protected = busy, idle

    def announce(self, frozen: Sequence[Frozen]) -> None:
        self.announced = tuple(each.freeze for each in frozen)

    async def run(self) -> None:
        await self.fill()
        try:
            await asyncio.Event().wait()
        finally:
            for task in self._starting:
                task.cancel()

    async def close(self) -> None:
        self.is_closed = True

    async def fill(self) -> None:
        """Makes the members that are missing."""
        while len(self._members) < self._replicas:
            name = f"{self._pool}-{next(self._numbers)}"
            self._members[name] = MemberSeen(f"uid-{name}", name, Phase.RUNNING, True, self._store.now())
            self._members[f"uid-{name}"] = self._members.pop(name)
            task = asyncio.create_task(self._register(name))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _register(self, name: str) -> None:
        await asyncio.sleep(self.start_seconds)
        pod = Kubernetes("here", name, f"uid-{name}")
        said = Registration(name, REGION, self._pool, "10.0.0.1:80", self._slots, kubernetes=pod)
        assert isinstance(await self._store.register(said), Registered)


class Yard:
    """Use as a context manager."""

    def __init__(self, *policies: PoolPolicy) -> None:
        loop = asyncio.get_running_loop()
        self.skew = 0.0  # of the store's clock
        self.memory = MemoryStore(clock=lambda: START + loop.time() + self.skew)
        self.reach = MemoryReach(lambda: self.memory)
        self.store = cast(Store, self.reach)
        self.registry = CollectorRegistry()
        self.policies = policies or (a_policy(),)
        self.targets = {policy.pool: Members(self.memory, policy.pool) for policy in self.policies}
        self.leaders: list[Leader] = []
        self.autoscaler = self.another(self.registry)
        self._things = AsyncExitStack()
        self._seqs = count(1)

    @property
    def target(self) -> Members:
        return next(iter(self.targets.values()))

    def another(self, registry: CollectorRegistry | None = None) -> Autoscaler:
        """One more autoscaler over the same store and targets."""
        makers = Makers(self._leader, lambda policy, _: self.targets[policy.pool])
        return Autoscaler(self.store, makers, NoSignals(), AutoscalerMetrics(registry or CollectorRegistry()))

    def _leader(self, policy: PoolPolicy) -> Leader:
        self.leaders.append(StoreLeader(self.store, f"autoscaler:{policy.pool}"))
        return self.leaders[-1]

    async def __aenter__(self) -> Self:
        pulse = asyncio.create_task(self._pulse())

        async def end() -> None:
            pulse.cancel()
            await asyncio.wait({pulse})

        self._things.push_async_callback(end)
        await self.autoscaler.start(self.policies)
        self._things.push_async_callback(self.autoscaler.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._things.aclose()

    async def until(self, holds: Callable[[], Any], within: float = 30.0) -> float:
        """How long it took, in virtual seconds."""
        began_at = asyncio.get_running_loop().time()
        async with asyncio.timeout(within):
            while True:
                found = holds()
                if await found if asyncio.iscoroutine(found) else found:
                    return asyncio.get_running_loop().time() - began_at
                await asyncio.sleep(0.05)

    async def claim(self, wait_seconds: float = 60.0) -> Claimed | Queued:
        """One session, which lives for a day; confirmed soon after it got a slot."""
        now = self.memory.now()
        answer = await self.memory.claim(a_request(now=now, expires_in=86_400.0, wait_seconds=wait_seconds))
        assert isinstance(answer, Claimed | Queued)
        return answer

    async def serving(self, pool: str = POOL) -> int:
        return sum(worker.state.value == "serving" for worker in await self.memory.workers() if worker.pool == pool)

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"moorage_autoscaler_{name}", {**PLACE, **labels}) or 0.0

    async def workers(self) -> list[WorkerId]:
        return [worker.worker for worker in await self.memory.workers()]

    async def _pulse(self) -> None:
        """Time passes in the store, its workers are alive, and who got a slot takes it."""
        while True:
            await asyncio.sleep(0.25)
            for view in await self.memory.workers():
                await self.memory.heartbeat(Heartbeat(view.worker, next(self._seqs), view.used))
            for session in await self.memory.sessions():
                if session.state is ClaimState.RESERVED:
                    await self.memory.confirm(session.session, session.fence)
            await self.memory.sweep()
