"""How restless demand is, what that needs, and what counts as a rise."""

from __future__ import annotations

import random

import pytest

from autoscaler.flow import drift, quantile, rise, spread_after, spread_at_first


def test_the_variance_of_arrivals_and_departures_is_learnt() -> None:
    chance, spread = random.Random(1), spread_at_first(0.0)

    for _ in range(5_000):
        change = sum(chance.random() < 0.25 for _ in range(10)) - sum(chance.random() < 0.25 for _ in range(10))
        spread = spread_after(spread, float(change), 5.0)

    assert spread == pytest.approx(2 * 10 * 0.25 * 0.75 / 5.0, rel=0.25)


def test_a_leap_teaches_no_more_than_four_sigmas() -> None:
    assert spread_after(1.0, 1000.0, 5.0) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize(("spread", "slots"), [(0.0, 0), (0.01, 3), (1.0, 24)])
def test_few_events_need_few_slots_and_many_need_their_root(spread: float, slots: int) -> None:
    assert quantile(spread, 60.0, 3.0) == pytest.approx(slots, abs=1)


def test_noise_is_no_rise() -> None:
    looks = [(5.0 * n, 100.0 + (n * 7 % 5)) for n in range(20)]

    assert rise(looks, 0.5, 60.0) == 0.0


def test_a_rise_goes_on_as_long_as_it_has_lasted() -> None:
    looks = [(5.0 * n, 100.0 + max(0, n - 16) * 50.0) for n in range(21)]

    assert rise(looks, 0.1, 60.0) == pytest.approx(200.0, abs=10.0)


def test_drift_is_the_last_twenty_minutes_against_those_before() -> None:
    assert drift([(60.0 * n, 100.0 + n) for n in range(60)]) == pytest.approx(1.0 / 60.0)
    assert drift([(60.0 * n, 100.0 + n) for n in range(39)]) == 0.0


@pytest.mark.parametrize(
    ("mean", "least", "most"), [(0.1, 2, 2), (0.5, 4, 4), (0.9, 5, 5), (10.0, 9, 10), (50.0, 20, 20)]
)
def test_the_fewer_come_the_surer_is_their_slot(mean: float, least: int, most: int) -> None:
    assert least <= quantile(2.0 * mean / 60.0, 60.0, 2.0) <= most


def test_a_rate_that_is_known_counts_where_changes_say_less() -> None:
    assert quantile(0.0, 60.0, 2.0, 0.5 / 60.0) == quantile(1.0 / 60.0, 60.0, 2.0)
    assert quantile(1.0 / 60.0, 60.0, 2.0, 0.1 / 60.0) == quantile(1.0 / 60.0, 60.0, 2.0)
