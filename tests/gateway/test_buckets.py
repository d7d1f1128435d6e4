"""Rates: a burst at once, then one every interval, for each key by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.buckets import Buckets
from tests.builders import NOW


def test_a_burst_passes_and_the_next_one_waits_for_its_turn() -> None:
    buckets = Buckets(rate=10, burst=3)

    waits = [buckets.take("a", 0.0) for _ in range(4)]

    assert waits[:3] == [0.0, 0.0, 0.0]
    assert waits[3] == pytest.approx(0.1)


def test_a_refused_one_costs_nothing_and_passes_when_its_wait_is_over() -> None:
    buckets = Buckets(rate=10, burst=1)
    buckets.take("a", 0.0)

    waits = [buckets.take("a", now) for now in (0.0, 0.05, 0.1)]

    assert waits == [pytest.approx(0.1), pytest.approx(0.05), 0.0]


def test_keys_do_not_know_each_other() -> None:
    buckets = Buckets(rate=1, burst=1)
    buckets.take("a", 0.0)

    assert buckets.take("b", 0.0) == 0.0


def test_a_rate_of_zero_is_no_limit_and_remembers_nothing() -> None:
    buckets = Buckets(rate=0, burst=1)

    assert [buckets.take("a", 0.0) for _ in range(1000)] == [0.0] * 1000
    assert len(buckets) == 0


def test_a_burst_below_one_still_lets_one_pass() -> None:
    assert Buckets(rate=1, burst=0).take("a", 0.0) == 0.0


def test_the_key_used_longest_ago_is_forgotten_first() -> None:
    buckets = Buckets(rate=1, burst=1, most_keys=2)
    for key in ("a", "b", "c"):
        buckets.take(key, 0.0)

    assert len(buckets) == 2
    assert buckets.take("c", 0.0) > 0
    assert buckets.take("a", 0.0) == 0.0


def test_a_clock_that_goes_back_lets_nobody_wait_longer_than_the_burst_takes() -> None:
    buckets = Buckets(rate=10, burst=1)
    buckets.take("a", 100.0)

    assert buckets.take("a", 99.0) == pytest.approx(1.1)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60), st.floats(0.5, 50), st.integers(1, 10))
def test_never_more_than_burst_and_rate_allow(steps: list[float], rate: float, burst: int) -> None:
    buckets, now, passed = Buckets(rate, burst), NOW, 0
    for step in steps:
        now += step
        passed += buckets.take("a", now) == 0.0

    assert passed <= burst + rate * (now - NOW) + 1


def test_looking_at_the_wait_takes_nothing() -> None:
    buckets = Buckets(rate=10, burst=1)
    looked = [buckets.wait("a", 0.0) for _ in range(3)]
    buckets.take("a", 0.0)

    assert looked == [0.0, 0.0, 0.0]
    assert buckets.wait("a", 0.0) == buckets.take("a", 0.0) == pytest.approx(0.1)
    assert Buckets(rate=0, burst=1).wait("a", 0.0) == 0.0
