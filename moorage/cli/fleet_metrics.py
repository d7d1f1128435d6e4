"""The scheduler's gauges, read from the store when somebody asks for metrics. Labels are places and states, never ids."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from scheduler.store import Store, Unavailable
from scheduler.values import PoolView, WorkerState, WorkerView

ANSWER_WITHIN = 2.0
PLACE = ("region", "pool")


@runtime_checkable
class Bounded(Protocol):
    """A store on servers whose memory ends."""

    async def memory_bytes(self) -> tuple[int, int]:
        """Bytes used, and bytes allowed (0: no limit). Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The store at one instant."""

    pools: tuple[PoolView, ...]
    workers: tuple[WorkerView, ...]
    memory: tuple[int, int] | None = None  # bytes used and allowed; None where it was not said


class FleetCollector(Collector):
    """Reading a store waits and collecting may not: `refresh` first, then collect."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: Seen | None = None

    @property
    def is_store_up(self) -> bool:
        """Whether the store answered the last refresh."""
        return self._seen is not None

    async def refresh(self) -> None:
        """Reads the store; while it is away its gauges are absent, not stale, and `store_up` is 0."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                pools, workers = tuple(await self._store.pools()), tuple(await self._store.workers())
                self._seen = Seen(pools, workers, await self._memory())
        except (Unavailable, TimeoutError):
            self._seen = None

    async def _memory(self) -> tuple[int, int] | None:
        """A server that keeps it to itself (INFO is refused to this user) is up all the same."""
        if not isinstance(self._store, Bounded):
            return None
        with suppress(Unavailable):
            return await self._store.memory_bytes()
        return None

    def collect(self) -> Iterator[Metric]:
        """All families."""
        up = GaugeMetricFamily("moorage_scheduler_store_up", "1 while the fleet's store answers.")
        up.add_metric((), float(self._seen is not None))
        yield up
        if self._seen is not None:
            yield from families(self._seen)


def families(seen: Seen) -> Iterator[Metric]:
    """The gauges of one instant."""
    yield _of_pools("queue_length", "Clients that wait for a slot.", seen.pools, "waiting")
    yield _of_pools("slots", "Slots of the workers that take sessions.", seen.pools, "slots")
    yield _of_pools("slots_used", "Slots with a session.", seen.pools, "used")
    yield _of_pools("slots_free", "Slots that a session can get now.", seen.pools, "free")
    yield _workers(seen.workers)
    yield _draining(seen.workers)
    yield _sessions(seen.workers)
    if seen.memory is not None:
        yield _bytes("store_used_bytes", "Memory that the store's fullest server uses.", seen.memory[0])
        yield _bytes("store_limit_bytes", "Memory that it may use, 0 without a limit.", seen.memory[1])


def _bytes(name: str, about: str, value: int) -> Metric:
    return GaugeMetricFamily(f"moorage_scheduler_{name}", about, value=value)


def _of_pools(name: str, about: str, pools: Iterable[PoolView], field: str) -> Metric:
    family = GaugeMetricFamily(f"moorage_scheduler_{name}", about, labels=PLACE)
    for pool in pools:
        family.add_metric((pool.region, pool.pool), getattr(pool, field))
    return family


def _workers(workers: Iterable[WorkerView]) -> Metric:
    """Every state of every place that has workers, so that a state that empties reads 0 and does not vanish."""
    family = GaugeMetricFamily("moorage_scheduler_workers", "Workers by state.", labels=(*PLACE, "state"))
    found = Counter((worker.region, worker.pool, worker.state) for worker in workers)
    for region, pool in sorted({(region, pool) for region, pool, _ in found}):
        for state in WorkerState:
            family.add_metric((region, pool, state.value), found[region, pool, state])
    return family


def _draining(workers: Iterable[WorkerView]) -> Metric:
    about = "Sessions still on workers that are drained."
    family = GaugeMetricFamily("moorage_scheduler_drain_sessions_left", about, labels=PLACE)
    left: Counter[tuple[str, str]] = Counter()
    for worker in workers:
        left[worker.region, worker.pool] += worker.drain.sessions_left if worker.drain else 0
    for labels, count in sorted(left.items()):
        family.add_metric(labels, count)
    return family


def _sessions(workers: Iterable[WorkerView]) -> Metric:
    family = GaugeMetricFamily("moorage_scheduler_sessions", "Live sessions by state.", labels=(*PLACE, "state"))
    found: Counter[tuple[str, str, str]] = Counter()
    for worker in workers:
        for state in ("reserved", "held", "suspended"):
            found[worker.region, worker.pool, state] += getattr(worker, state)
    for labels, count in sorted(found.items()):
        family.add_metric(labels, count)
    return family
