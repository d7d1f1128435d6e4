"""Fleets for the place bench: an index of workers partly in use, and a memory store with as many registered."""

from __future__ import annotations

import os
import random
import time

from moorage import ids
from moorage.ids import GatewayId, KeyId, RequestId, SessionId, UserId, WorkspaceId
from scheduler.io.memory import MemoryStore
from scheduler.placement import Index
from scheduler.shelves import Spot
from scheduler.values import Claimed, ClaimRequest, Done, End, Ended, Outcome, Registered, Registration, Wanted

SLOTS = 100
USED_AT_MOST = 60  # leaves 100 workers some 7,000 free slots


class Placements:
    """Takes `count` slots of an index one after the other, and gives them back."""

    def __init__(self, workers: int, count: int, *, is_spread: bool) -> None:
        self._index: Index[Spot] = Index()
        for _ in range(workers):
            spot = Spot("bench", "bench", frozenset(), SLOTS)
            spot.used = random.randint(0, USED_AT_MOST)
            self._index.add(spot)
            self._index.open(spot)
        self._plan = self._index.plan(Wanted(is_spread=is_spread))
        self._sessions = [ids.make("ses", time.time(), os.urandom) for _ in range(count)]
        self._taken: list[Spot] = []

    def take(self) -> None:
        """What is timed."""
        index, plan, taken = self._index, self._plan, self._taken
        for session in self._sessions:
            spot = index.choose(plan, session)
            assert spot is not None
            index.take(spot)
            taken.append(spot)

    def give_back(self) -> None:
        """As it was before."""
        for spot in self._taken:
            self._index.give(spot)
        self._taken.clear()


class Cycles:
    """Sessions that are claimed, confirmed and ended through the store's own interface."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        now = store.now()
        self._gateway = GatewayId(ids.make("gtw", now, os.urandom))
        self._user = UserId(ids.make("usr", now, os.urandom))
        self._workspace = WorkspaceId(ids.make("wsp", now, os.urandom))
        self._key = KeyId(ids.make("key", now, os.urandom))

    @classmethod
    async def over(cls, workers: int) -> Cycles:
        """A store with so many workers of 100 slots."""
        store = MemoryStore()
        for number in range(workers):
            address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}:80"
            joined = await store.register(Registration(f"worker-{number}", "bench", "bench", address, SLOTS))
            assert isinstance(joined, Registered)
        cycles = cls(store)
        await store.join(cycles._gateway, "ws://bench")
        return cycles

    def requests(self, count: int) -> list[ClaimRequest]:
        """Requests of distinct sessions."""
        now = self._store.now()
        return [self._request(now) for _ in range(count)]

    def _request(self, now: float) -> ClaimRequest:
        return ClaimRequest(
            request=RequestId(ids.make("req", now, os.urandom)),
            session=SessionId(ids.make("ses", now, os.urandom)),
            workspace=self._workspace,
            user=self._user,
            key=self._key,
            gateway=self._gateway,
            wanted=Wanted(),
            expires_at=now + 3600,
            resume_seconds=30,
            wait_seconds=0,
        )

    async def go(self, requests: list[ClaimRequest]) -> None:
        """What is timed. All of them are live at once, as sessions are: then packing has workers to pack."""
        store = self._store
        claims: list[Claimed] = []
        for request in requests:
            claimed = await store.claim(request)
            assert isinstance(claimed, Claimed)
            claims.append(claimed)
        for claimed in claims:
            held = await store.confirm(claimed.session, claimed.fence)
            assert isinstance(held, Done)
        for claimed in claims:
            ended = await store.end(self._end(claimed))
            assert isinstance(ended, Ended)

    def _end(self, claimed: Claimed) -> End:
        fence, workspace = claimed.fence, self._workspace
        return End(claimed.session, Outcome.COMPLETED, None, "", "client", fence, workspace=workspace)

    async def tidy(self) -> None:
        """Takes the events away, as the control plane would."""
        while events := await self._store.events("bench", 10_000, 0):
            await self._store.acknowledge("bench", events)
