"""The scaling part of the memory store's board: operators' requests, decisions, roles' memories.

With a file they survive the process: what is acknowledged is in the file first. One write at a time, in a thread, so that
neither the disk's time nor another write falls between a decision to keep something and its keeping.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections.abc import Callable
from operator import attrgetter
from typing import Protocol

from scheduler.io.memory.duties import refuse_stranded
from scheduler.io.memory.fleet import Fleet
from scheduler.policy import SchedulerPolicy
from scheduler.scaling import check_decision, check_memory, in_force, kept, scaled_data
from scheduler.values import DecisionRecord, Done, PoolStatus, Refused, ScaleRequest

_AT = attrgetter("at")


class Keeper(Protocol):
    """Where the board is kept. Called from a thread; raises Unavailable where it is not."""

    def load(self) -> tuple[list[ScaleRequest], list[DecisionRecord], dict[str, bytes]]:
        """All that was kept; decisions oldest first."""

    def put_request(self, request: ScaleRequest) -> None: ...
    def drop_requests(self, requests: list[str]) -> None: ...
    def add_decision(self, record: DecisionRecord, most: int) -> None: ...
    def put_memory(self, name: str, document: bytes) -> None: ...


class ScalingBoard:
    """Requests by id, decisions by place and time, memories by name."""

    def __init__(self, policy: SchedulerPolicy, keeper: Keeper | None = None) -> None:
        self._policy = policy
        self._keeper = keeper
        self._writing = asyncio.Lock()
        self._requests: dict[str, ScaleRequest] = {}
        self._decisions: dict[tuple[str, str], list[DecisionRecord]] = {}
        self._memories: dict[str, bytes] = {}
        if keeper is not None:
            requests, decisions, self._memories = keeper.load()
            self._requests = {request.id: request for request in requests}
            for record in decisions:
                self._append(record)

    async def put(self, request: ScaleRequest, now: float) -> Done | Refused:
        """Expired ones make room."""
        async with self._writing:
            await self._forget([one.id for one in self._requests.values() if one.expires_at <= now])
            answer = kept(self._requests.get(request.id), request, len(self._requests), self._policy)
            if answer is not None:
                return answer
            if self._keeper is not None:
                await asyncio.to_thread(self._keeper.put_request, request)
            self._requests[request.id] = request
            return Done()

    async def drop(self, request: str, now: float) -> bool:
        """An expired one is not known."""
        async with self._writing:
            known = self._requests.get(request)
            if known is None:
                return False
            await self._forget([request])
            return now < known.expires_at

    def requests(self, now: float) -> list[ScaleRequest]:
        """Oldest first."""
        return in_force(self._requests.values(), now)

    async def record(self, record: DecisionRecord) -> bool:
        """False: the very same one is kept already."""
        check_decision(record, self._policy)
        async with self._writing:
            if record in self.decisions(record.region, record.pool, 1, None):
                return False  # said again
            if self._keeper is not None:
                await asyncio.to_thread(self._keeper.add_decision, record, self._policy.decisions_per_pool)
            self._append(record)
            return True

    def decisions(self, region: str, pool: str, limit: int, before: float | None) -> list[DecisionRecord]:
        """Newest first."""
        known = self._decisions.get((region, pool), [])
        end = len(known) if before is None else bisect_left(known, before, key=_AT)
        return known[max(0, end - max(0, limit)) : end][::-1]

    async def keep(self, name: str, document: bytes) -> None:
        """Written only where it changed."""
        check_memory(name, document, self._policy)
        async with self._writing:
            if self._memories.get(name) == document:
                return
            if self._keeper is not None:
                await asyncio.to_thread(self._keeper.put_memory, name, document)
            self._memories[name] = document

    def memory(self, name: str) -> bytes | None:
        """As last kept."""
        return self._memories.get(name)

    async def _forget(self, requests: list[str]) -> None:
        if requests and self._keeper is not None:
            await asyncio.to_thread(self._keeper.drop_requests, requests)
        for request in requests:
            del self._requests[request]

    def _append(self, record: DecisionRecord) -> None:
        known = self._decisions.setdefault((record.region, record.pool), [])
        insort(known, record, key=_AT)
        del known[: -self._policy.decisions_per_pool]


class ScalingPart:
    """The scaling section of `scheduler.store.Store`. Methods mean what they mean there."""

    now: Callable[[], float]
    _fleet: Fleet
    _scaling: ScalingBoard

    async def put_scale_request(self, request: ScaleRequest) -> Done | Refused:
        return await self._scaling.put(request, self.now())

    async def drop_scale_request(self, request: str) -> bool:
        return await self._scaling.drop(request, self.now())

    async def scale_requests(self) -> list[ScaleRequest]:
        return self._scaling.requests(self.now())

    async def publish_pool(self, status: PoolStatus) -> None:
        now = self.now()
        self._fleet.coming.publish(status, now)
        refuse_stranded(self._fleet, now)

    async def pool_statuses(self) -> list[PoolStatus]:
        return self._fleet.coming.all(self.now())

    async def record_decision(self, decision: DecisionRecord) -> None:
        if await self._scaling.record(decision) and decision.is_change:
            self._fleet.log.append(("pool.scaled", self.now(), None, None, 0, None, scaled_data(decision)))

    async def decisions(self, region: str, pool: str, limit: int, before: float | None = None) -> list[DecisionRecord]:
        return self._scaling.decisions(region, pool, limit, before)

    async def keep_memory(self, name: str, document: bytes) -> None:
        await self._scaling.keep(name, document)

    async def memory(self, name: str) -> bytes | None:
        return self._scaling.memory(name)
