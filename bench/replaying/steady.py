"""Loads that test one thing each: a level with noise, and a step."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from autoscaler.replay.sessions import Sessions, sessions_of
from bench.replaying.arrivals import Lengths

NOON = 1_767_614_400.0  # 2026-01-05 12:00 UTC
HOUR = 3600.0
LENGTHS = Lengths()


@dataclass(frozen=True, slots=True)
class Steady:
    """`level` sessions; every minute another level within `noise` of it, uniform and independent of the last."""

    level: int = 400
    noise: float = 0.05
    settling_hours: float = 6.0
    hours: float = 24.0
    lengths: Lengths = LENGTHS


@dataclass(frozen=True, slots=True)
class Step:
    """`level` sessions, then `factor` times as many within `within` seconds, each for an hour."""

    level: int = 100
    factor: float = 5.0
    within: float = 30.0
    settling_hours: float = 2.0
    hours: float = 0.5


def steady_sessions(steady: Steady, seed: int) -> Sessions:
    """So many sessions come in each minute as its level lacks at its end."""
    return sessions_of("steady", _steady(steady, NOON, steady.settling_hours + steady.hours, Random(seed)))


def step_sessions(step: Step, seed: int) -> Sessions:
    """A level without noise, and the step."""
    chance = Random(seed)
    base = Steady(step.level, 0.0)
    spans = list(_steady(base, NOON, step.settling_hours + step.hours, chance))
    begin = NOON + step.settling_hours * HOUR
    added = round(step.level * (step.factor - 1.0))
    spans += [(begin + step.within * chance.random(), HOUR) for _ in range(added)]
    return sessions_of("step", spans)


def _steady(steady: Steady, begin: float, hours: float, chance: Random) -> Iterator[tuple[float, float]]:
    ends: list[float] = []
    for minute in range(int(hours * 60)):
        at = begin + 60.0 * minute
        wanted = round(steady.level * (1.0 + steady.noise * (2.0 * chance.random() - 1.0)))
        while ends and ends[0] < at + 60.0:
            ends.pop(0)
        for _ in range(wanted - len(ends)):
            start = at + 60.0 * chance.random()
            length = steady.lengths.draw(chance)
            yield start, length
            insort(ends, start + length)
