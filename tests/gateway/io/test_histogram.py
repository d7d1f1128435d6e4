"""The hot path's histogram shows what prometheus-client's own would."""

from __future__ import annotations

import random

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from gateway.io.histogram import FastHistogram

BOUNDS = (0.001, 0.01, 0.1, 1.0)


def _shown(registry: CollectorRegistry) -> list[str]:
    lines = generate_latest(registry).decode().splitlines()
    return sorted(line for line in lines if "_created" not in line)


def test_it_shows_the_same_as_the_librarys() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    fast = FastHistogram("waits_seconds", "Waits", BOUNDS, ours)
    slow = Histogram("waits_seconds", "Waits", buckets=BOUNDS, registry=theirs)
    chance = random.Random(7)

    for seconds in [*BOUNDS, 0.0, 5.0, *(chance.expovariate(10) for _ in range(500))]:
        fast.observe(seconds)
        slow.observe(seconds)

    assert _shown(theirs) == _shown(ours)


def test_nothing_observed_is_all_zeros() -> None:
    registry = CollectorRegistry()

    FastHistogram("waits_seconds", "Waits", BOUNDS, registry)

    assert registry.get_sample_value("waits_seconds_count") == 0
    assert registry.get_sample_value("waits_seconds_bucket", {"le": "+Inf"}) == 0
