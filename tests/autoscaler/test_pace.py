"""Writes of replicas, and which of them took another back."""

from __future__ import annotations

from autoscaler.pace import DAY, Pace, after_lower, after_raise, reversals_today


def test_raised_soon_after_lowered_is_a_reversal_and_late_is_none() -> None:
    lowered = after_lower(Pace(), 0.0)

    assert reversals_today(after_raise(lowered, 900.0), 900.0) == 1
    assert reversals_today(after_raise(lowered, 901.0), 901.0) == 0


def test_a_reversal_counts_once_and_for_a_day() -> None:
    pace = after_raise(after_raise(after_lower(Pace(), 0.0), 10.0), 20.0)

    assert reversals_today(pace, 20.0) == 1
    assert reversals_today(pace, DAY + 11.0) == 0
