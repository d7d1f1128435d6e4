"""What each time of the day usually brings."""

from __future__ import annotations

import pytest

from autoscaler.habits import QUARTER, Habits

DAY = 86_400.0
LOOK = 5.0


def a_day(habits: Habits, day: int, *, bank: float = 0.0, at: int = 24) -> Habits:
    """Nobody comes but in quarter `at`: `bank` sessions a look, and they leave in the quarter after it."""
    now = day * DAY
    while now < (day + 1) * DAY:
        quarter = int(now % DAY // QUARTER)
        change = bank if quarter == at else -bank if quarter == at + 1 else 0.0
        habits = habits.with_change(now, change, LOOK)
        now += LOOK
    return habits


def test_nothing_is_usual_before_it_was_seen() -> None:
    assert Habits().rate(0.0, 60.0) == 0.0
    assert Habits().with_change(0.0, 5.0, LOOK).rate(0.0, 60.0) == 0.0


def test_a_burst_of_yesterday_is_expected_today_shortly_before_its_time_and_not_long_after() -> None:
    habits = a_day(Habits(), 0, bank=0.1)
    begins = DAY + 24 * QUARTER

    assert habits.rate(begins - 360.0, begins - 299.0) == pytest.approx(0.1 / LOOK)
    assert habits.rate(begins - 500.0, begins - 440.0) == 0.0
    assert habits.rate(begins + QUARTER + 301.0, begins + QUARTER + 360.0) == 0.0


def test_a_day_without_it_makes_it_less_usual() -> None:
    habits = a_day(a_day(Habits(), 0, bank=0.1), 1)

    assert habits.rate(2 * DAY + 24 * QUARTER, 2 * DAY + 24 * QUARTER) == pytest.approx(0.6 * 0.1 / LOOK)


def test_what_was_not_watched_changes_nothing() -> None:
    habits = a_day(Habits(), 0, bank=0.1)
    usual = habits.rate(24 * QUARTER, 24 * QUARTER)

    after = habits.with_change(DAY + 24 * QUARTER, 50.0, 3600.0).with_change(DAY + 26 * QUARTER, 0.0, LOOK)

    assert after.rate(24 * QUARTER, 24 * QUARTER) == usual


def test_it_stays_bounded() -> None:
    habits = a_day(a_day(a_day(Habits(), 0), 1), 2)

    assert len(habits.rates) == 96
