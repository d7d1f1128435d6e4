"""Two stores under one clock and one source of chance, asked the same and compared after every step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

from moorage.ids import GatewayId, SessionId
from scheduler.io.memory import MemoryStore
from scheduler.io.redis.store import RedisStore
from scheduler.policy import SchedulerPolicy
from scheduler.values import Claimed, Event, Granted, Notice, SessionView, WorkerView
from tests.scheduler.told import told
from tests.scheduler.twins.plain import FENCE_TICK, in_subject_order, plain
from tests.scheduler.twins.ties import FollowingIndex
from tests.scheduler.world import Clock

T = TypeVar("T")
ENOUGH = 1_000_000


class Differs(AssertionError):
    """The two stores do not agree."""


class Dice:
    """The same bytes for both stores in one step: ids of workers come out alike."""

    def __init__(self) -> None:
        self.step = 0

    def __call__(self, many: int) -> bytes:
        return sha256(f"{self.step} {many}".encode()).digest()[:many]


@dataclass
class Side:
    """One of the two, with what only it knows."""

    store: MemoryStore | RedisStore
    fences: dict[tuple[SessionId, int], int] = field(default_factory=dict)
    watches: dict[GatewayId, AsyncIterator[Notice]] = field(default_factory=dict)

    def fence(self, session: SessionId, tick: int) -> int:
        """This store's fence of that millisecond; one that it never gave where it gave none."""
        return self.fences.get((session, tick), tick * FENCE_TICK)

    def learn(self, told: Claimed | SessionView) -> None:
        """A fence it gave."""
        self.fences[told.session, told.fence // FENCE_TICK] = told.fence


@dataclass(frozen=True)
class Seen:
    """All that a store shows, and what it told since it was last looked at."""

    workers: list[WorkerView]
    sessions: list[SessionView]
    views: dict[str, Any]


class Twins:
    """A memory store and a Redis store in step."""

    def __init__(
        self, make_redis: Callable[[Clock, SchedulerPolicy, Dice], RedisStore], policy: SchedulerPolicy
    ) -> None:
        self.clock, self.dice = Clock(), Dice()
        memory = MemoryStore(self.clock, self.dice, policy)
        self._index = FollowingIndex(policy.soft_cap, memory._fleet.workers)
        memory._fleet.index = self._index
        self.memory = Side(memory)
        self.redis = Side(make_redis(self.clock, policy, self.dice))
        self.heard: list[tuple[GatewayId, Notice]] = []  # by the last step, of memory's
        self.story: list[str] = []
        self.waiting: set[SessionId] = set()
        self.seen = Seen([], [], {})

    async def ask(self, said: str, act: Callable[[Side], Awaitable[T]]) -> T:
        """One step of both; answers what memory answered, once all that shows of it was compared."""
        answer = await self.step(said, act)
        await self.compare_views()
        return answer

    async def step(self, said: str, act: Callable[[Side], Awaitable[T]]) -> T:
        """As `ask`, but what the stores show is not looked at yet."""
        self.dice.step += 1
        theirs = await act(self.redis)
        self._index.followed = theirs.worker if isinstance(theirs, Claimed) else None
        ours = await act(self.memory)
        self.story.append(f"{self.clock.seconds:.3f} {said} -> {plain(ours)}")
        for side, answer in ((self.memory, ours), (self.redis, theirs)):
            if isinstance(answer, Claimed):
                side.learn(answer)
        self._alike("answer", plain(ours), plain(theirs))
        await self._compare_notices()
        await self._compare_events()
        return ours

    async def watch(self, gateway: GatewayId) -> None:
        """Both listen for it from now on."""
        for side in (self.memory, self.redis):
            side.watches[gateway] = side.store.watch(gateway)

    async def compare_views(self) -> None:
        """All that both show."""
        ours, theirs = await asyncio.gather(self._look(self.memory), self._look(self.redis))
        for name, view in ours.views.items():
            self._alike(name, view, theirs.views[name])
        for side, seen in ((self.memory, ours), (self.redis, theirs)):
            for session in seen.sessions:
                side.learn(session)
        self.seen = ours

    async def _look(self, side: Side) -> Seen:
        store = side.store
        waiting = sorted(self.waiting)
        workers, sessions, pools, gateways, nodes = await asyncio.gather(
            store.workers(), store.sessions(), store.pools(), store.gateways(), store.nodes()
        )
        revocations = await store.revocations()
        queue = [await store.queue(session) for session in waiting]
        views = {
            "workers": {view.worker: plain(view) for view in workers},
            "sessions": {view.session: plain(view) for view in sessions},
            "pools": plain(pools),
            "gateways": {view.gateway: plain(view) for view in gateways},
            "nodes": plain(nodes),
            "revocations": {f"{one.kind} {one.id}": plain(one) for one in revocations},
            "queue": dict(zip(waiting, map(plain, queue), strict=True)),
        }
        return Seen(workers, sessions, views)

    async def _compare_notices(self) -> None:
        self.heard = []
        for gateway in self.memory.watches:
            ours = await told(self.memory.store, gateway, self.memory.watches[gateway])
            theirs = await told(self.redis.store, gateway, self.redis.watches[gateway])
            for side, notices in ((self.memory, ours), (self.redis, theirs)):
                for notice in notices:
                    if isinstance(notice, Granted):
                        side.learn(notice.claimed)
            self.heard += [(gateway, notice) for notice in ours]
            self._alike(f"notices of {gateway}", in_subject_order(ours), in_subject_order(theirs))

    async def _compare_events(self) -> None:
        ours, theirs = await self._happened(self.memory), await self._happened(self.redis)
        self._alike("events", in_subject_order(ours), in_subject_order(theirs))

    @staticmethod
    async def _happened(side: Side) -> list[Event]:
        events = await side.store.events("twins", ENOUGH, 0)
        await side.store.acknowledge("twins", events)
        return events

    def _alike(self, what: str, ours: Any, theirs: Any) -> None:
        if ours != theirs:
            raise Differs(f"{what}\n  memory: {_without(ours, theirs)}\n  redis:  {_without(theirs, ours)}")


def _without(one: Any, other: Any) -> Any:
    """What of it the other one does not have alike."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _without(value, other.get(key)) for key, value in one.items() if other.get(key, ...) != value}
    if isinstance(one, list) and isinstance(other, list):
        return [value for value in one if value not in other] or one
    return one
