"""What the autoscaler shows of a decision."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from autoscaler.decision import Decision, Limit
from autoscaler.io.metrics import CAUSES, AutoscalerMetrics

PLACE = ("eu", "gpu")


def test_limits_of_the_newest_decision_are_shown_and_go_with_it() -> None:
    registry = CollectorRegistry()
    metrics = AutoscalerMetrics(registry)
    held = (Limit("maximum", 4, "of the policy"), Limit("overdue", 2, "started long ago: a, b"))

    metrics.decided(PLACE, Decision(*PLACE, at=1.0, desired=4, replicas=4, limits=held), 0.001)
    with_limits = limits(registry)
    metrics.decided(PLACE, Decision(*PLACE, at=2.0, desired=3, replicas=4), 0.001)

    assert [with_limits, limits(registry)] == [(1, 2), (0, 0)]


def test_what_must_never_happen_reads_0_before_it_does() -> None:
    registry = CollectorRegistry()

    AutoscalerMetrics(registry).known(PLACE)

    assert shown(registry, "wrong_victims_total") == 0
    assert [shown(registry, "sessions_cut_total", cause=cause) for cause in CAUSES] == [0, 0, 0]


def limits(registry: CollectorRegistry) -> tuple[float | None, float | None]:
    return shown(registry, "at_maximum"), shown(registry, "overdue_workers")


def shown(registry: CollectorRegistry, name: str, **more: str) -> float | None:
    labels = {"region": PLACE[0], "pool": PLACE[1], **more}
    return registry.get_sample_value(f"moorage_autoscaler_{name}", labels)
