"""What a trend is where demand has been level for hours."""

from __future__ import annotations

import pytest

from autoscaler.case import Case, case
from autoscaler.history import History
from autoscaler.memory import Memory
from tests.autoscaler.builders import NOW, SLOTS, Timeline

LEVEL, HIGHEST = 400.0, 430.0
HOURS = 4


def a_level(hours: int = HOURS) -> Memory:
    demand = History()
    for minute in range(hours * 60):
        value = HIGHEST if minute % 60 == 0 else LEVEL
        demand = demand.with_look(NOW - 3600.0 * hours + 60.0 * minute, value)
    return Memory(demand=demand.with_look(NOW - 20.0, LEVEL), spread=0.01)


def seen_with(sessions: int, memory: Memory) -> Case:
    full, rest = divmod(sessions, SLOTS)
    line = Timeline().serve(*[SLOTS] * full, rest)
    return case(line.policy, line.seen(), memory, NOW)


def test_a_rise_within_what_a_level_has_shown_is_no_trend() -> None:
    assert seen_with(415, a_level()).rising == 0.0


def test_a_rise_that_reaches_far_beyond_the_level_counts_up_to_its_highest() -> None:
    assert seen_with(422, a_level()).rising == pytest.approx(8.0)


def test_a_rise_beyond_the_level_is_a_trend() -> None:
    assert seen_with(440, a_level()).rising > 20.0


def test_before_three_hours_every_rise_is_one() -> None:
    assert seen_with(415, a_level(hours=2)).rising > 10.0
