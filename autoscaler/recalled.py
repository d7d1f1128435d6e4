"""How much of a memory that somebody else kept may be believed now.

It was read, so it has a memory's form; but it may be of a clock that was set back since, or damaged. Each part that cannot be
is forgotten by itself and measured again. Which cordons are ours is always kept: nobody else could lift them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from autoscaler.forecast import Seasons
from autoscaler.habits import QUARTERS, Habits
from autoscaler.history import History
from autoscaler.lead import LEAST, MOST
from autoscaler.memory import Memory
from autoscaler.pace import Pace

AHEAD = 60.0  # seconds by which two leaders' readings of the store's clock, and a grain's time, may differ
_LARGEST = 1e9  # of a count; no pool has as many


def believable(memory: Memory, now: float) -> Memory:
    """The memory itself where all of it is."""
    if any(at > now + AHEAD for at in _times(memory)):
        memory = _timeless(memory)
    spread, leads = memory.spread, memory.leads
    changes: dict[str, Any] = {
        "spread": spread if spread is None or _are_counts([spread]) else None,
        "leads": leads if all(LEAST <= lead <= MOST for lead in leads) else (),
        "workers": memory.workers if _are_counts([memory.workers]) else 0,
        "replicas": memory.replicas if memory.replicas is None or _are_counts([memory.replicas]) else None,
        "carried": memory.carried if _are_counts(memory.carried.values()) else {},
        "demand": memory.demand if _is_history(memory.demand) else History(),
        "ruled": memory.ruled if _is_history(memory.ruled) else History(),
        "habits": memory.habits if _are_habits(memory.habits) else Habits(),
        "seasons": memory.seasons if _are_seasons(memory.seasons) else Seasons(),
    }
    same = all(getattr(memory, name) is part for name, part in changes.items())
    return memory if same else replace(memory, **changes)


def _timeless(memory: Memory) -> Memory:
    """Without all that has a time."""
    return replace(
        memory,
        empty_since={},
        watched_since=None,
        seen_at=None,
        starting={},
        ordered_at=None,
        demand=History(),
        ruled=History(),
        pace=Pace(),
        seasons=Seasons(),
        habits=replace(memory.habits, quarter=0.0, watched=0.0, came=0.0),
    )


def _times(memory: Memory) -> Iterator[float]:
    pace = memory.pace
    for at in (memory.watched_since, memory.seen_at, memory.ordered_at, pace.raised_at, pace.lowered_at):
        if at is not None:
            yield at
    yield from (*pace.reversals, *pace.writes, *memory.empty_since.values(), *memory.starting.values())
    for history in (memory.demand, memory.ruled):
        yield from (at for at, _ in (*history.looks, *history.minutes, *history.tens))
    yield from (memory.seasons.begun, memory.habits.quarter)


def _is_history(history: History) -> bool:
    return _are_counts(value for _, value in (*history.looks, *history.minutes, *history.tens))


def _are_habits(habits: Habits) -> bool:
    rates = habits.rates
    return (
        len(rates) in (0, QUARTERS)
        and all(rate <= _LARGEST for rate in rates)
        and _are_counts([habits.watched, habits.came])
    )


def _are_seasons(seasons: Seasons) -> bool:
    return _are_counts(seasons.quarters) and _are_counts([] if seasons.error is None else [seasons.error])


def _are_counts(numbers: Iterable[float]) -> bool:
    return all(0 <= number <= _LARGEST for number in numbers)
