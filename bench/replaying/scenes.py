"""What is played: each scene gives, for a seed, its pools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from autoscaler.replay.sessions import Sessions
from autoscaler.replay.setting import Setting
from bench.replaying import cycle, flights, steady
from bench.replaying.cycle import Crowd, Cycle
from bench.replaying.steady import HOUR, NOON, Steady, Step

MAXIMUM = 1000
"""Pods a pool may have in every scene: the default of 100 is less than the crowd needs."""

CYCLE, CROWD, STEADY, STEP, SMALL_STEP = Cycle(), Crowd(), Steady(), Step(), Step(level=1)


@dataclass(frozen=True, slots=True)
class Stage:
    """One pool of a scene."""

    sessions: Sessions
    setting: Setting


@dataclass(frozen=True, slots=True)
class Scene:
    """`make(seed, days)` gives the pools, with that many days counted where a scene has several; one day is a smoke run."""

    name: str
    about: str
    make: Callable[[int, int], list[Stage]]
    parameters: object


def _flights(seed: int, days: int) -> list[Stage]:
    begin, end = flights.span_of(seed, days)
    setting = Setting(begin, end - days * flights.DAY, end)
    airports = flights.flight_sessions(seed, days)
    return [Stage(sessions, setting) for sessions in (airports if days > 1 else airports[:1])]


def _cycle(seed: int, days: int) -> list[Stage]:
    first, warm_up, last = (0.0, 1.0, 1.0 + days) if days > 1 else (0.3, 0.35, 0.5)
    span = cycle.days(first, last)
    return [Stage(cycle.cycle_sessions(CYCLE, span, seed), Setting(span[0], cycle.days(warm_up, last)[0], span[1]))]


def _crowd(seed: int, days: int) -> list[Stage]:
    before, after = (0.5, 1.0) if days > 1 else (0.0, 0.3)
    span = cycle.days(CROWD.day - before, CROWD.day + after)
    sessions = cycle.cycle_sessions(CYCLE, span, seed, CROWD)
    return [Stage(sessions, Setting(span[0], cycle.days(CROWD.day, 0)[0], span[1]))]


def _steady(seed: int, days: int) -> list[Stage]:
    load = STEADY if days > 1 else replace(STEADY, settling_hours=1.0, hours=1.0)
    begin = NOON + load.settling_hours * HOUR
    return [Stage(steady.steady_sessions(load, seed), Setting(NOON, begin, begin + load.hours * HOUR))]


def _step(step: Step, wait: float) -> Callable[[int, int], list[Stage]]:
    def make(seed: int, days: int) -> list[Stage]:
        begin = NOON + step.settling_hours * HOUR
        setting = Setting(NOON, begin, begin + step.hours * HOUR, wait=wait, pod_spread=0.0)
        return [Stage(steady.step_sessions(step, seed), setting)]

    return make


SCENES = {
    scene.name: scene
    for scene in (
        Scene(
            "flights",
            "trace 1: 10 days of real flights after 3 of warm-up, three regions",
            _flights,
            flights.FIRST_DAYS,
        ),
        Scene("cycle", "trace 2: 10 days of a daily and weekly cycle after 1 of warm-up", _cycle, CYCLE),
        Scene("crowd", "trace 3: a day of it with a flash crowd", _crowd, CROWD),
        Scene("steady", "a level with noise for 24 h", _steady, STEADY),
        Scene("step", "a step, with sessions that wait for up to 5 minutes", _step(STEP, 300.0), STEP),
        Scene("small step", "a step within the buffer", _step(SMALL_STEP, 10.0), SMALL_STEP),
    )
}


@lru_cache(maxsize=1)
def stages(name: str, seed: int, days: int) -> list[Stage]:
    """The pools of a scene; the last ones are kept, since many contestants play the same."""
    return SCENES[name].make(seed, days)
