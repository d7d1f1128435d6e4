"""A store with a clock that only tests move, gateways that listen, and workers that beat until they are silenced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

from moorage.ids import GatewayId, SessionId, WorkerId
from scheduler.io.memory import MemoryStore
from scheduler.io.redis.store import RedisStore
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from scheduler.values import (
    Beaten,
    Claimed,
    ClaimRequest,
    Direct,
    Directive,
    End,
    Ended,
    EndRecord,
    Event,
    Heartbeat,
    Held,
    Notice,
    Outcome,
    Registered,
    Registration,
    SessionView,
    Stale,
    WorkerView,
)
from tests.scheduler.builders import FAR, NEAR, START, a_held, a_request

STEP = 0.25


class Clock:
    """Unix seconds, moved by hand."""

    def __init__(self) -> None:
        self.seconds = START

    def __call__(self) -> float:
        return self.seconds


Make = Callable[[Clock, SchedulerPolicy], Store]
"""How a test gets its store."""


class World:
    """What a contract test acts in."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.beating: dict[WorkerId, GatewayId | None] = {}
        self.renewing: set[GatewayId] = set()
        self.told: dict[WorkerId, list[Directive]] = {}
        self._heard: dict[GatewayId, list[Notice]] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._seq = count(1)

    @property
    def now(self) -> float:
        return self.clock.seconds

    async def gateway(self, gateway: GatewayId) -> None:
        """Joins, renews from now on, and keeps what it hears."""
        await self.store.join(gateway, f"wss://{gateway}")
        self.renewing.add(gateway)
        self._heard[gateway] = []
        self._readers.append(asyncio.create_task(self._listen(gateway, self.store.watch(gateway))))

    async def worker(self, registration: Registration) -> Registered:
        """Registers and beats from now on."""
        answer = await self.store.register(registration)
        assert isinstance(answer, Registered), answer
        self.beating[answer.worker] = registration.gateway
        self.told.setdefault(answer.worker, [])
        return answer

    async def advance(self, seconds: float) -> None:
        """Time passes: sweeps every 0.25 s, beats and renewals every second."""
        end = self.clock.seconds + seconds
        while self.clock.seconds < end:
            before = self.clock.seconds
            self.clock.seconds = min(before + STEP, end)
            if int(before) != int(self.clock.seconds):
                await self._keep_alive()
            await self.store.sweep()

    async def beat(self, worker: WorkerId, **said: object) -> Beaten:
        """One heartbeat; its orders are kept in `told`."""
        beat = Heartbeat(worker, next(self._seq), 0, gateway=self.beating.get(worker), **said)  # type: ignore[arg-type]
        answer = await self.store.heartbeat(beat)
        assert isinstance(answer, Beaten), answer
        self.told[worker].extend(answer.directives)
        return answer

    async def attach(self, session: SessionId | None = None, *, gateway: GatewayId = NEAR) -> Claimed:
        """Claims and confirms; there must be room."""
        return await self.held(a_request(session, gateway=gateway, now=self.now))

    async def held(self, request: ClaimRequest) -> Claimed:
        """Claims and confirms this request."""
        claimed = await self.claimed(request)
        await self.store.confirm(claimed.session, claimed.fence)
        return claimed

    async def claimed(self, request: ClaimRequest) -> Claimed:
        """Claims; there must be room."""
        answer = await self.store.claim(request)
        assert isinstance(answer, Claimed), answer
        return answer

    async def end(self, session: SessionId, *, by: str = "api", fence: int | None = None) -> EndRecord:
        """Ends a session; it must be the first end."""
        answer = await self.store.end(End(session, Outcome.COMPLETED, None, "TEST", by, fence))
        assert isinstance(answer, Ended)
        assert answer.is_first
        return answer.record

    async def heard(self, gateway: GatewayId = NEAR) -> list[Notice]:
        """What this gateway was told since it was last asked."""
        if isinstance(self.store, RedisStore):  # what was told before the server answered this is there
            for _ in range(2):  # and what the store did about it, and was told of that
                await self.store.revocations()
                await asyncio.sleep(0.001)
                await asyncio.gather(*self.store._spread._tasks)
        for _ in range(5):
            await asyncio.sleep(0)
        notices, self._heard[gateway] = self._heard[gateway], []
        return notices

    async def orders(self, worker: WorkerId) -> list[Directive]:
        """What this worker was told since it was last asked, over its link and with its heartbeats."""
        await self.beat(worker)
        orders, self.told[worker] = self.told[worker], []
        for gateway in list(self._heard):
            notices = await self.heard(gateway)
            linked = [notice for notice in notices if isinstance(notice, Direct) and notice.worker == worker]
            orders.extend(notice.directive for notice in linked)
            self._heard[gateway] = [notice for notice in notices if notice not in linked]
        return orders

    async def view(self, worker: WorkerId) -> WorkerView:
        """A worker that must be there."""
        view = await self.store.worker(worker)
        assert view is not None
        return view

    async def session(self, session: SessionId) -> SessionView:
        """A session that must live."""
        view = await self.store.session(session)
        assert isinstance(view, SessionView), view
        return view

    async def record(self, session: SessionId) -> EndRecord:
        """How a session ended; it must have."""
        record = await self.store.session(session)
        assert isinstance(record, EndRecord), record
        return record

    async def events(self, session: SessionId | None = None) -> list[Event]:
        """All events that were not acknowledged, of one session if one is named."""
        events = await self.store.events("test", 1_000_000, 0)
        return [event for event in events if session is None or event.session == session]

    async def acknowledge_all(self) -> None:
        """The log is empty."""
        while events := await self.store.events("test", 10_000, 0):
            await self.store.acknowledge("test", events)

    async def adopt(self, gateway: GatewayId, *held: Claimed | Held) -> list[Stale]:
        """What is stale of all that this gateway relays."""
        whole = [one if isinstance(one, Held) else a_held(one.session, one.fence, one.worker) for one in held]
        return (await self.store.adopt(gateway, whole)).stale

    async def event_types(self, session: SessionId) -> list[str]:
        """Of one session, in order."""
        return [event.type for event in await self.events(session)]

    def silence(self, worker: WorkerId) -> None:
        """It beats no more."""
        del self.beating[worker]

    async def close(self) -> None:
        """No reader survives."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def _listen(self, gateway: GatewayId, notices: AsyncIterator[Notice]) -> None:
        async for notice in notices:
            self._heard[gateway].append(notice)

    async def _keep_alive(self) -> None:
        for worker in list(self.beating):
            await self.beat(worker)
        for gateway in self.renewing:
            await self.store.renew(gateway)


def a_memory_store(clock: Clock, policy: SchedulerPolicy) -> Store:
    return MemoryStore(clock=clock, policy=policy)


async def opened(store: Store) -> None:
    """A store on a server connects."""
    if isinstance(store, RedisStore):
        await store.open()


async def closed(store: Store) -> None:
    """And lets go of it."""
    if isinstance(store, RedisStore):
        await store.close()


@asynccontextmanager
async def a_world(make: Make, policy: SchedulerPolicy | None = None) -> AsyncIterator[World]:
    """With the gateways NEAR and FAR."""
    clock = Clock()
    store = make(clock, policy or SchedulerPolicy())
    await opened(store)
    world = World(store, clock)
    try:
        await world.gateway(NEAR)
        await world.gateway(FAR)
        yield world
    finally:
        await world.close()
        await closed(store)
