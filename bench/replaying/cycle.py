"""Trace 2: a daily and weekly cycle with noise, a holiday and an outage; and trace 3, a flash crowd on it.

`Cycle` and `Crowd` are all of their parameters; the bench prints them. A seed changes the noise, the arrivals and the
lengths; pods' start times are drawn from it by the simulator.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from autoscaler.replay.sessions import Sessions
from bench.replaying.arrivals import Lengths, arrive

MONDAY = 1_767_571_200.0
"""2026-01-05 00:00 UTC: where the cycle's days are counted from."""
DAY = 86400.0
HOUR = 3600.0
REGION = "cycle"
LENGTHS = Lengths()


@dataclass(frozen=True, slots=True)
class Cycle:
    """Demand over days. Hours are UTC, days count from MONDAY as 0."""

    peak: float = 600.0  # concurrent sessions at the top of a weekday, before noise
    lowest: float = 0.2  # of the peak, at 04:00
    top_hour: float = 15.0
    evening: float = 0.25  # how much of a second hump at 20:30 is added
    saturday: float = 0.75
    sunday: float = 0.65
    holidays: tuple[int, ...] = (8,)  # a Tuesday
    holiday: float = 0.45
    outage_day: int = 3  # a Thursday
    outage_from: float = 13.0
    outage_hours: float = 1.5
    outage_left: float = 0.05  # of the arrivals
    return_minutes: float = 5.0  # until all who stayed away have come back
    return_surge: float = 1.4  # then, and back to 1 within return_hours
    return_hours: float = 0.5
    noise: float = 0.06  # standard deviation of the rate's noise
    noise_memory: float = 1800.0  # its correlation time
    lengths: Lengths = LENGTHS


@dataclass(frozen=True, slots=True)
class Crowd:
    """A flash crowd: arrivals x `first` within `first_within`, then x `second` within `second_within`, held, and gone."""

    day: int = 1
    hour: float = 5.0
    first: float = 5.0
    first_within: float = 30.0
    second: float = 20.0
    second_within: float = 600.0
    held: float = 1200.0
    fades: float = 1800.0  # to 1/e

    def factor(self, since: float) -> float:
        """Of the arrivals, `since` seconds after the first sign."""
        if since < 0.0:
            return 1.0
        if since < self.first_within:
            return 1.0 + (self.first - 1.0) * since / self.first_within
        since -= self.first_within
        if since < self.second_within:
            return self.first + (self.second - self.first) * since / self.second_within
        since -= self.second_within + self.held
        return self.second if since < 0.0 else 1.0 + (self.second - 1.0) * math.exp(-since / self.fades)

    @property
    def sign(self) -> float:
        """When it begins, in Unix seconds."""
        return MONDAY + self.day * DAY + self.hour * HOUR


CROWD_SIGN = Crowd().sign


def shape(cycle: Cycle, at: float) -> float:
    """Expected demand as a part of the peak, without noise."""
    day, rest = divmod(at - MONDAY, DAY)
    hour = rest / HOUR
    away = (hour - cycle.top_hour) / 24.0 * 2.0 * math.pi
    hump = math.exp(-(((hour - 20.5) / 1.5) ** 2)) * cycle.evening
    level = cycle.lowest + (1.0 - cycle.lowest) * max(0.0, (math.cos(away) + 0.6) / 1.6) + hump * (1.0 - cycle.lowest)
    return min(level, 1.0) * _day_factor(cycle, int(day)) * _outage_factor(cycle, int(day), hour)


def _day_factor(cycle: Cycle, day: int) -> float:
    if day in cycle.holidays:
        return cycle.holiday
    return {5: cycle.saturday, 6: cycle.sunday}.get(day % 7, 1.0)


def _outage_factor(cycle: Cycle, day: int, hour: float) -> float:
    if day != cycle.outage_day:
        return 1.0
    since = hour - cycle.outage_from
    if since < 0.0:
        return 1.0
    if since < cycle.outage_hours:
        return cycle.outage_left
    coming = (since - cycle.outage_hours) * 60.0 / cycle.return_minutes
    if coming < 1.0:
        return cycle.outage_left + (cycle.return_surge - cycle.outage_left) * coming
    back = (since - cycle.outage_hours - cycle.return_minutes / 60.0) / cycle.return_hours
    return cycle.return_surge - (cycle.return_surge - 1.0) * back if back < 1.0 else 1.0


def noise(cycle: Cycle, span: tuple[float, float], chance: Random) -> Callable[[float], float]:
    """A lognormal factor with mean 1: an AR(1) walk in steps of a minute."""
    keep = math.exp(-60.0 / cycle.noise_memory)
    spread = cycle.noise * math.sqrt(1.0 - keep * keep)
    level, levels = chance.gauss(0.0, cycle.noise), []
    for _ in range(int((span[1] - span[0]) / 60.0) + 2):
        levels.append(math.exp(level - cycle.noise**2 / 2.0))
        level = keep * level + chance.gauss(0.0, spread)
    return lambda at: levels[int((at - span[0]) / 60.0)]


def cycle_sessions(cycle: Cycle, span: tuple[float, float], seed: int, crowd: Crowd | None = None) -> Sessions:
    """Trace 2, or with a crowd trace 3."""
    chance = Random(seed)
    shaken = noise(cycle, span, chance)
    top = cycle.peak / cycle.lengths.mean

    def rate(at: float) -> float:
        flash = 1.0 if crowd is None else crowd.factor(at - crowd.sign)
        return top * shape(cycle, at) * shaken(at) * flash

    return arrive(REGION, span, rate, cycle.lengths, chance)


def days(first: float, last: float) -> tuple[float, float]:
    """From the start of one day to the start of another, counted from MONDAY."""
    return MONDAY + first * DAY, MONDAY + last * DAY
