"""claims: a session's claim, confirmation and end on Redis, over and over, from one gateway process with 64 at once.

Each size of fleet has a Valkey of its own, and so has each way its process; slices of all of them take turns in random order.
Valkey has a core to itself; gateways, the reader of events and this driver share the other.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec

from bench import machine
from bench.arena import Arena
from bench.machine import CannotMeasureError
from bench.orders import Process
from bench.rows import OURS, Goal, Row
from bench.valkey import Valkey

PROMISE = (
    "claim + confirm + end on Redis, cycles/s with 64 at once: 100 to 10,000 workers, 3 gateways, redis-py, the floor"
)

FLEETS = (100, 1_000, 10_000)
PEERS_AT = 1_000  # where redis-py and the floor stand beside ours, and three gateways together
GATEWAYS = 3
IN_FLIGHT = 64
REDIS_PY, FLOOR, TOGETHER = "redis-py", "floor", "3 gateways"
START_WITHIN = 30.0
SETTLE_WITHIN = 20.0

GOALS = (
    Goal("claims_slowest_fleet", 10_000, at_least=True),
    Goal("claims_slowest_p99", 15.0),
    Goal("claims_growth", 1.2),
)


@dataclass(frozen=True, slots=True)
class Effort:
    """How often, how long each time, and the pause at each edge: the kernel's CPU times are exact for a process that sleeps."""

    rounds: int = 10
    slice_seconds: float = 0.5
    gap_seconds: float = 0.05


@dataclass(frozen=True, slots=True)
class Fleet:
    """A Valkey and who keeps its workers."""

    server: Valkey
    herd: Process


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way on one fleet, by one process or by several together."""

    name: str
    workers: int
    fleet: Fleet
    processes: list[Process]

    @property
    def key(self) -> tuple[str, int]:
        """Which it is."""
        return self.name, self.workers


@dataclass(frozen=True, slots=True)
class Slice:
    """What one slice showed; the times of CPU are for a cycle."""

    cycles_per_s: float
    p50_ms: float
    p99_ms: float
    server_us: float  # what it does for the reader and for the sweep included
    client_us: float
    reader_us: float


_SHOWN = {
    "cycles_per_s": ("cycles", "cycles/s"),
    "p50_ms": ("p50", "ms"),
    "p99_ms": ("p99", "ms"),
    "server_us": ("server", "us"),
    "client_us": ("client", "us"),
    "reader_us": ("reader", "us"),
}

Slices = dict[tuple[str, int], list[Slice]]


def run(arena: Arena) -> list[Row]:
    """All of them in turns."""
    effort = Effort(2, 0.1) if arena.is_quick else Effort()
    fleets = [size for size in FLEETS if arena.plays(str(size))][: 2 if arena.is_quick else None]
    with ExitStack() as stack:
        contestants = [one for size in fleets for one in _on(stack, arena, size)]
        if not contestants:
            return []
        print(
            f"claims: {len(contestants)} contestants, {effort.rounds} rounds of {effort.slice_seconds:g} s", flush=True
        )
        for contestant in contestants:
            _slice(contestant, effort)  # code is loaded, tables and heaps reach their size
        slices: Slices = {contestant.key: [] for contestant in contestants}
        for _ in range(effort.rounds):
            for contestant in random.sample(contestants, len(contestants)):
                slices[contestant.key].append(_slice(contestant, effort))
    return figures(slices)


def figures(slices: Slices) -> list[Row]:
    """What each came to, and ours over all sizes of fleet."""
    ours = [each for (name, _), each in sorted(slices.items(), key=lambda item: item[0][1]) if name == OURS]
    return [*_medians(slices), *_over_fleets(ours)]


def _on(stack: ExitStack, arena: Arena, workers: int) -> Iterator[Contestant]:
    """The contestants of one size of fleet."""
    with machine.pinned(machine.proxy_core()):
        server = stack.enter_context(Valkey(arena.folder))
    with machine.pinned(machine.load_core()):
        ways = [name for name in _ways(arena, workers) if arena.takes_part(OURS if name == TOGETHER else name)]
        gateways = {name: _gateways(stack, server, name) for name in ways}
        if not gateways:
            return
        named = ",".join(gateway for _, names in gateways.values() for gateway in names)
        words = ["--store", server.url, "--workers", str(workers), "--gateways", named]
        herd = Process("bench.herd", words)
    stack.callback(herd.close)
    herd.answer(START_WITHIN)
    for name, (processes, _) in gateways.items():
        yield Contestant(name, workers, Fleet(server, herd), processes)


def _ways(arena: Arena, workers: int) -> Iterator[str]:
    yield OURS
    if workers != PEERS_AT:
        return
    yield TOGETHER
    yield FLOOR
    if find_spec("redis") is not None:
        yield REDIS_PY
    elif arena.takes_part(REDIS_PY):
        print("redis-py is not installed and is left out: pip install redis", flush=True)


def _gateways(stack: ExitStack, server: Valkey, name: str) -> tuple[list[Process], list[str]]:
    way = OURS if name == TOGETHER else name
    words = ["--store", server.url, "--way", way, "--in-flight", str(IN_FLIGHT)]
    processes = [Process("bench.cycler", words) for _ in range(GATEWAYS if name == TOGETHER else 1)]
    for process in processes:
        stack.callback(process.close)
    return processes, [process.answer(START_WITHIN)["gateway"] for process in processes]


def _slice(contestant: Contestant, effort: Effort) -> Slice:
    fleet, processes = contestant.fleet, contestant.processes
    time.sleep(effort.gap_seconds)
    server, reader = machine.cpu_ns(fleet.server.pid), machine.cpu_ns(fleet.herd.pid)
    for process in processes:
        process.tell({"seconds": effort.slice_seconds})
    answers = [process.answer(SETTLE_WITHIN) for process in processes]
    fleet.herd.tell({})
    fleet.herd.answer(SETTLE_WITHIN)
    time.sleep(effort.gap_seconds)
    cycles = sum(answer["cycles"] for answer in answers)
    if not cycles:
        raise CannotMeasureError(f"{contestant.name} with {contestant.workers} workers did nothing in a slice")
    return Slice(
        sum(answer["cycles"] / answer["seconds"] for answer in answers),
        statistics.median(answer["p50"] for answer in answers) * 1e3,
        max(answer["p99"] for answer in answers) * 1e3,
        (machine.cpu_ns(fleet.server.pid) - server) / cycles / 1e3,
        sum(answer["cpu_seconds"] for answer in answers) / cycles * 1e6,
        (machine.cpu_ns(fleet.herd.pid) - reader) / cycles / 1e3,
    )


def _medians(slices: Slices) -> Iterator[Row]:
    """Medians of the slices; the ceiling is what the server's CPU time comes to with a core that nobody else uses."""
    for (name, workers), each in slices.items():
        for field, (metric, unit) in _SHOWN.items():
            yield Row(name, f"claims_{workers}_{metric}", _median(each, field), unit)
        yield Row(name, f"claims_{workers}_ceiling", 1e6 / _median(each, "server_us"), "cycles/s")


def _over_fleets(ours: list[list[Slice]]) -> Iterator[Row]:
    """The slowest fleet, and by how much the largest is slower and dearer than the smallest, round by round."""
    if not ours:
        return
    yield Row(OURS, "claims_slowest_fleet", min(_median(each, "cycles_per_s") for each in ours), "cycles/s")
    yield Row(OURS, "claims_slowest_p99", max(_median(each, "p99_ms") for each in ours), "ms")
    if len(ours) > 1:
        pairs = list(zip(ours[0], ours[-1], strict=True))
        grown = statistics.median(small.cycles_per_s / large.cycles_per_s for small, large in pairs)
        dearer = statistics.median(
            (large.server_us + large.client_us) / (small.server_us + small.client_us) for small, large in pairs
        )
        yield Row(OURS, "claims_growth", grown, "x")
        yield Row(OURS, "claims_cpu_growth", dearer, "x")


def _median(each: list[Slice], metric: str) -> float:
    values: list[float] = [getattr(one, metric) for one in each]
    return statistics.median(values)
