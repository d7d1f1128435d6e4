"""What is played: each scene gives, for a seed, its pools, and what its figures are held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from autoscaler.replay.engine import Setting
from autoscaler.replay.sessions import Sessions
from bench.replaying import cycle, flights
from bench.replaying.cycle import Crowd, Cycle

MAXIMUM = 1000
"""Pods a pool may have in every scene: the default of 100 is less than the crowd needs."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One pool of a scene."""

    sessions: Sessions
    setting: Setting


@dataclass(frozen=True, slots=True)
class Scene:
    """`make(seed, is_quick)` gives the pools."""

    name: str
    about: str
    make: Callable[[int, bool], list[Stage]]


def _flights(seed: int, is_quick: bool) -> list[Stage]:
    begin, end = flights.span_of(seed)
    counted = begin + flights.WARM_UP_DAYS * flights.DAY
    setting = Setting(begin, counted, counted + flights.DAY if is_quick else end)
    return [Stage(sessions, setting) for sessions in flights.flight_sessions(seed)]


def _cycle(seed: int, is_quick: bool) -> list[Stage]:
    span = cycle.days(0, 2 if is_quick else 11)
    return [Stage(cycle.cycle_sessions(Cycle(), span, seed), Setting(span[0], span[0] + cycle.DAY, span[1]))]


def _crowd(seed: int, is_quick: bool) -> list[Stage]:
    span = cycle.days(0.5, 1.5 if is_quick else 2)
    sessions = cycle.cycle_sessions(Cycle(), span, seed, Crowd())
    return [Stage(sessions, Setting(span[0], cycle.MONDAY + cycle.DAY, span[1], initial=80))]


SCENES = {
    scene.name: scene
    for scene in (
        Scene("flights", "trace 1: 10 days of real flights after 3 of warm-up, three regions", _flights),
        Scene("cycle", "trace 2: 10 days of a daily and weekly cycle after 1 of warm-up", _cycle),
        Scene("crowd", "trace 3: a day of it with a flash crowd", _crowd),
    )
}


@lru_cache(maxsize=1)
def stages(name: str, seed: int, is_quick: bool) -> list[Stage]:
    """The pools of a scene; the last ones are kept, since many contestants play the same."""
    return SCENES[name].make(seed, is_quick)
