"""Writes of replicas, and which of them took another back."""

from __future__ import annotations

import pytest

from autoscaler.pace import (
    BUSY,
    DAY,
    LATEST,
    MANY,
    QUIET,
    SOONEST,
    TOO_MANY,
    Pace,
    after_lower,
    after_raise,
    patience,
    reversals_today,
)


def test_raised_soon_after_lowered_is_a_reversal_and_late_is_none() -> None:
    lowered = after_lower(Pace(), 0.0)

    assert reversals_today(after_raise(lowered, 900.0), 900.0) == 1
    assert reversals_today(after_raise(lowered, 901.0), 901.0) == 0


def test_a_reversal_counts_once_and_for_a_day() -> None:
    pace = after_raise(after_raise(after_lower(Pace(), 0.0), 10.0), 20.0)

    assert reversals_today(pace, 20.0) == 1
    assert reversals_today(pace, DAY + 11.0) == 0


def written(times: int) -> Pace:
    """So often in one direction, within the last day."""
    pace = Pace()
    for number in range(times):
        pace = after_raise(pace, 100.0 + number)
    return pace


@pytest.mark.parametrize(
    ("writes", "part"),
    [
        (0, SOONEST),
        (QUIET, SOONEST),
        ((QUIET + BUSY) // 2, 0.5),
        (BUSY, 1.0),
        (MANY, 1.0),
        (MANY + 10, 2.0),
        (TOO_MANY, LATEST),
        (120, LATEST),
    ],
)
def test_the_fewer_writes_a_day_had_the_sooner_workers_go_and_the_more_the_later(writes: int, part: float) -> None:
    assert patience(written(writes), DAY, DAY) == pytest.approx(part)


def test_before_a_day_is_known_patience_is_whole_or_more() -> None:
    assert patience(Pace(), DAY - 1.0, DAY) == 1.0
    assert patience(written(TOO_MANY), DAY - 1.0, DAY) == LATEST


def test_writes_are_forgotten_after_a_day_and_bounded() -> None:
    pace = written(1_000)

    assert len(pace.writes) == 128
    assert patience(pace, 3 * DAY, 3 * DAY) == SOONEST
