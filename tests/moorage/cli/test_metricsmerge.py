"""Pages of several processes as one: what is added, what is labelled, and that no counter falls."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from moorage.cli.metricsmerge import carried, merged


def a_page(
    connects: float = 0, sessions: float = 0, seconds: tuple[float, ...] = (), memory: float = 0
) -> list[Metric]:
    """As a child shows it."""
    registry = CollectorRegistry()
    Counter("moorage_gateway_connects", "Upgrades.", ("result",), registry=registry).labels("relayed").inc(connects)
    Gauge("moorage_gateway_sessions", "Sessions.", registry=registry).set(sessions)
    Gauge("moorage_gateway_loop_lag_last_seconds", "Lag.", registry=registry).set(memory / 1000)
    Gauge("process_resident_memory_bytes", "Memory.", registry=registry).set(memory)
    histogram = Histogram("moorage_gateway_admit_seconds", "Time.", buckets=(0.1, 1.0), registry=registry)
    for value in seconds:
        histogram.observe(value)
    return list(text_string_to_metric_families(generate_latest(registry).decode()))


def value(page: list[Metric], name: str, **labels: str) -> float:
    found = [
        sample.value for family in page for sample in family.samples if (sample.name, sample.labels) == (name, labels)
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def test_counters_and_gauges_of_things_are_added() -> None:
    page = merged([("gateway-1", a_page(connects=3, sessions=2)), ("gateway-2", a_page(connects=4, sessions=5))])

    assert value(page, "moorage_gateway_connects_total", result="relayed") == 7
    assert value(page, "moorage_gateway_sessions") == 7


def test_histograms_are_added_bucket_by_bucket() -> None:
    page = merged([("gateway-1", a_page(seconds=(0.05, 0.5))), ("gateway-2", a_page(seconds=(0.5, 5.0)))])

    assert value(page, "moorage_gateway_admit_seconds_bucket", le="0.1") == 1
    assert value(page, "moorage_gateway_admit_seconds_bucket", le="1.0") == 3
    assert value(page, "moorage_gateway_admit_seconds_bucket", le="+Inf") == 4
    assert value(page, "moorage_gateway_admit_seconds_count") == 4
    assert math.isclose(value(page, "moorage_gateway_admit_seconds_sum"), 6.05)


def test_times_and_memory_keep_the_process_they_are_of() -> None:
    page = merged([("gateway-1", a_page(memory=10)), ("gateway-2", a_page(memory=20))])

    assert value(page, "process_resident_memory_bytes", process="gateway-1") == 10
    assert value(page, "process_resident_memory_bytes", process="gateway-2") == 20
    assert value(page, "moorage_gateway_loop_lag_last_seconds", process="gateway-2") == 0.02


def test_the_dead_leave_their_counters_and_take_their_gauges_along() -> None:
    gone = carried([], a_page(connects=3, sessions=2, seconds=(0.05,), memory=7))

    page = merged([("gateway-1", a_page(connects=1, sessions=1))], gone)

    assert value(page, "moorage_gateway_connects_total", result="relayed") == 4
    assert value(page, "moorage_gateway_sessions") == 1
    assert value(page, "moorage_gateway_admit_seconds_count") == 1
    assert value(page, "process_resident_memory_bytes", process="gateway-1") == 0


def test_while_one_replaces_another_of_its_name_the_later_ones_memory_is_shown() -> None:
    page = merged([("gateway-1", a_page(memory=10)), ("gateway-1", a_page(memory=20))])

    assert value(page, "process_resident_memory_bytes", process="gateway-1") == 20


def test_a_family_of_another_kind_in_a_newer_version_is_left_out() -> None:
    new = Metric("moorage_gateway_sessions", "Sessions.", "histogram")
    new.add_sample("moorage_gateway_sessions_count", {}, 1)

    page = merged([("gateway-1", a_page(sessions=2)), ("gateway-2", [new])])

    assert value(page, "moorage_gateway_sessions") == 2
    assert not any(sample.name.endswith("sessions_count") for family in page for sample in family.samples)


def test_the_page_can_be_printed_and_read_again() -> None:
    page = merged([("gateway-1", a_page(1, 2, (0.3,), 4)), ("gateway-2", a_page(1, 2, (0.3,), 4))])

    class Collected:
        def collect(self) -> list[Metric]:
            return page

    text = generate_latest(Collected()).decode()
    again = list(text_string_to_metric_families(text))

    assert value(again, "moorage_gateway_connects_total", result="relayed") == 2
    assert value(again, "moorage_gateway_admit_seconds_bucket", le="1.0") == 2


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50), st.booleans()), max_size=30))
def test_no_counter_ever_falls_whoever_dies(history: list[tuple[int, int, bool]]) -> None:
    """Each step: a process counts on, and perhaps dies and starts at 0 again."""
    counts = [0, 0, 0]
    gone: list[Metric] = []
    shown = 0.0
    for process, more, dies in history:
        counts[process] += more
        page = merged([(f"gateway-{n}", a_page(connects=count)) for n, count in enumerate(counts)], gone)
        now = value(page, "moorage_gateway_connects_total", result="relayed")
        assert now == pytest.approx(shown + more)
        shown = now
        if dies:
            gone = carried(gone, a_page(connects=counts[process]))
            counts[process] = 0
