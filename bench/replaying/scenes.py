"""What is played: each scene gives, for a seed, its pools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
    """`make(seed, days)` gives the pools, with that many days counted where a scene has several."""

    name: str
    about: str
    make: Callable[[int, int], list[Stage]]
    parameters: object


def _flights(seed: int, days: int) -> list[Stage]:
    begin, end = flights.span_of(seed, days)
    setting = Setting(begin, end - days * flights.DAY, end)
    return [Stage(sessions, setting) for sessions in flights.flight_sessions(seed, days)]


def _cycle(seed: int, days: int) -> list[Stage]:
    span = cycle.days(0, 1 + days)
    return [Stage(cycle.cycle_sessions(CYCLE, span, seed), Setting(span[0], span[0] + cycle.DAY, span[1]))]


def _crowd(seed: int, days: int) -> list[Stage]:
    span = cycle.days(CROWD.day - 0.5, CROWD.day + 1)
    sessions = cycle.cycle_sessions(CYCLE, span, seed, CROWD)
    return [Stage(sessions, Setting(span[0], span[1] - cycle.DAY, span[1]))]


def _steady(seed: int, days: int) -> list[Stage]:
    begin = NOON + STEADY.settling_hours * HOUR
    return [Stage(steady.steady_sessions(STEADY, seed), Setting(NOON, begin, begin + STEADY.hours * HOUR))]


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
