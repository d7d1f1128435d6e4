"""The hot path's counter shows what prometheus-client's own would."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, generate_latest

from gateway.io.counter import FastCounter


def _shown(registry: CollectorRegistry) -> list[str]:
    return sorted(line for line in generate_latest(registry).decode().splitlines() if "_created" not in line)


def test_it_shows_the_same_as_the_librarys() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    fast = FastCounter("connects", "Connects", "result", ours)
    slow = Counter("connects", "Connects", ["result"], registry=theirs)

    for result in ("relayed", "refused", "relayed", 'odd "one"'):
        fast.count(result)
        slow.labels(result).inc()

    assert _shown(theirs) == _shown(ours)
    assert ours.get_sample_value("connects_total", {"result": "relayed"}) == 2
