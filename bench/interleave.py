"""Short slices of every contestant in random order, round after round; ratios are taken inside a round.

The machine's speed drifts by a factor of two within an hour, so figures taken seconds apart cannot be compared, and those of
one round can. What is reported is the median over the rounds.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench import machine
from bench.generator import Answer, Client
from bench.peers import Proxy

REFERENCE = "nginx"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often."""

    rounds: int = 20
    slice_seconds: float = 0.2
    gap_seconds: float = (
        0.05  # a thread's CPU time is exact only when it sleeps, and nobody pays for another's leftovers
    )
    warmup_seconds: float = 0.3  # lets heaps, caches and TLS buffers reach their size

    @classmethod
    def quick(cls) -> Plan:
        """Shows that everything runs; its figures mean nothing."""
        return cls(rounds=2, slice_seconds=0.1, gap_seconds=0.02, warmup_seconds=0.05)


@dataclass(frozen=True, slots=True)
class Contestant:
    """A proxy and the client that loads it."""

    proxy: Proxy
    client: Client


@dataclass(frozen=True, slots=True)
class Slice:
    """What one slice cost, for each unit of work done in it (a round trip, a connection)."""

    proxy_us: float
    load_us: float  # client and worker together
    proxy_busy: float  # share of the proxy's core, 0 to 1
    load_busy: float
    answer: Answer


Work = Callable[[Client], Answer]
Slices = dict[str, list[Slice]]


def interleaved(
    contestants: list[Contestant], worker_pid: int, work: Work, plan: Plan, after: Work | None = None
) -> Slices:
    """Runs `work` for every contestant in every round. `after` tidies up outside what is measured."""
    slices: Slices = {contestant.proxy.name: [] for contestant in contestants}
    for _ in range(plan.rounds):
        for contestant in random.sample(contestants, len(contestants)):
            slices[contestant.proxy.name].append(_slice(contestant, worker_pid, work, plan))
            if after is not None:
                after(contestant.client)
                time.sleep(plan.gap_seconds)
    return slices


def _slice(contestant: Contestant, worker_pid: int, work: Work, plan: Plan) -> Slice:
    proxy, client = contestant.proxy, contestant.client
    time.sleep(plan.gap_seconds)
    proxy_before, load_before = proxy.cpu_ns(), machine.cpu_ns(client.pid) + machine.cpu_ns(worker_pid)
    started = time.monotonic_ns()
    answer = work(client)
    elapsed = time.monotonic_ns() - started
    time.sleep(plan.gap_seconds)
    proxy_ns = proxy.cpu_ns() - proxy_before
    load_ns = machine.cpu_ns(client.pid) + machine.cpu_ns(worker_pid) - load_before
    done = max(answer.done, 1)
    return Slice(proxy_ns / done / 1e3, load_ns / done / 1e3, proxy_ns / elapsed, load_ns / elapsed, answer)


def medians(slices: Slices, of: Callable[[Slice], float]) -> dict[str, float]:
    """The median of a figure over the rounds, for each contestant."""
    return {name: statistics.median(of(each) for each in rounds) for name, rounds in slices.items()}


def ratios(slices: Slices, reference: str = REFERENCE) -> dict[str, float]:
    """The median over the rounds of each contestant's cost divided by the reference's in the same round; {} without it."""
    base = slices.get(reference)
    if base is None:
        return {}
    return {
        name: statistics.median(mine.proxy_us / other.proxy_us for mine, other in zip(rounds, base, strict=True))
        for name, rounds in slices.items()
    }
