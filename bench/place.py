"""place: choosing a worker and taking its slot in the index, and a session's whole claim through the memory store. In process."""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench import machine
from bench.arena import Arena
from bench.fleet import Cycles, Placements
from bench.rows import OURS, Goal, Row

PROMISE = "choose + take over 100 to 100,000 workers, and claim + confirm + end through the memory store, per second of one core"

FLEETS = (100, 1_000, 10_000, 100_000)
QUICK_FLEETS = (100, 1_000)

GOALS = (
    Goal("place_slowest_fleet", 500_000, at_least=True),
    Goal("place_growth", 1.2),
    Goal("claim_cycle_slowest_fleet", 50_000, at_least=True),
    Goal("claim_cycle_growth", 1.2),
)


@dataclass(frozen=True, slots=True)
class Effort:
    """How often, and how much in one go."""

    rounds: int
    places: int
    cycles: int


def run(arena: Arena) -> list[Row]:
    """Fleet sizes take turns in random order, as contestants do elsewhere."""
    effort = Effort(3, 1_000, 100) if arena.is_quick else Effort(20, 5_000, 2_000)
    fleets = QUICK_FLEETS if arena.is_quick else FLEETS
    print(f"place: {', '.join(f'{size:,}' for size in fleets)} workers", flush=True)
    with machine.pinned(machine.proxy_core()):
        measured = [
            *_placed("place", fleets, effort, is_spread=False),
            *_placed("place_spread", fleets, effort, is_spread=True),
        ]
        return measured + list(_claimed(fleets, effort))


def _placed(metric: str, fleets: tuple[int, ...], effort: Effort, *, is_spread: bool) -> Iterator[Row]:
    subjects = {size: Placements(size, effort.places, is_spread=is_spread) for size in fleets}

    def seconds(size: int) -> float:
        placements = subjects[size]
        placements.give_back()
        started = time.thread_time()
        placements.take()
        return time.thread_time() - started

    yield from _rates(metric, fleets, effort, effort.places, seconds)


def _claimed(fleets: tuple[int, ...], effort: Effort) -> Iterator[Row]:
    with asyncio.Runner() as runner:
        subjects = {size: runner.run(Cycles.over(size)) for size in fleets}

        async def timed(size: int) -> float:
            requests = subjects[size].requests(effort.cycles)
            started = time.thread_time()
            await subjects[size].go(requests)
            seconds = time.thread_time() - started
            await subjects[size].tidy()
            return seconds

        yield from _rates("claim_cycle", fleets, effort, effort.cycles, lambda size: runner.run(timed(size)))


def _rates(
    metric: str, fleets: tuple[int, ...], effort: Effort, count: int, seconds: Callable[[int], float]
) -> Iterator[Row]:
    """A rate for each fleet, the slowest of them, and by how much the largest is slower than the smallest, round by round."""
    taken: dict[int, list[float]] = {size: [] for size in fleets}
    for size in fleets:
        seconds(size)  # caches, plans and tables reach their size
    gc.collect()
    gc.freeze()  # all sizes live in one process: without this the collector's walks over the largest fall on all of them
    for _ in range(effort.rounds):
        for size in random.sample(fleets, len(fleets)):
            taken[size].append(seconds(size))
    rates = {size: count / statistics.median(each) for size, each in taken.items()}
    for size, rate in rates.items():
        yield Row(OURS, f"{metric}_{size}_workers", rate, "/s")
    yield Row(OURS, f"{metric}_slowest_fleet", min(rates.values()), "/s")
    pairs = zip(taken[fleets[-1]], taken[fleets[0]], strict=True)
    yield Row(OURS, f"{metric}_growth", statistics.median(large / small for large, small in pairs), "x")
