"""Our autoscaler beside the others on the same simulated pools: sessions cut and rejected, pod-hours, writes."""

from __future__ import annotations

from collections.abc import Iterable

from autoscaler.replay.measures import Measures, one_after_another
from bench.arena import Arena
from bench.replaying.contestants import CONTESTANTS
from bench.replaying.playing import REFERENCE, Played, Task, play_all
from bench.replaying.scenes import SCENES
from bench.rows import Goal, Row

PROMISE = "autoscalers on traces of sessions: cut, rejected, pod-hours against a reference, writes and reversals a day"
GOALS = (
    *(Goal(f"{scene} cut", 0.0) for scene in SCENES),
    *(Goal(f"{scene} rejected", 0.01) for scene in ("flights", "cycle")),
    *(Goal(f"{scene} pod-hours", bound) for scene, bound in (("flights", 1.05), ("cycle", 1.05), ("crowd", 1.15))),
    *(Goal(f"{scene} writes", 100.0) for scene in SCENES),
    *(Goal(f"{scene} reversals", 20.0) for scene in SCENES),
)


def run(arena: Arena) -> list[Row]:
    """All scenes, all contestants, all seeds."""
    names = [name for name in CONTESTANTS if arena.takes_part(name)]
    tasks = [
        Task(scene, seed, name, arena.is_quick)
        for scene in SCENES
        if arena.plays(scene)
        for seed in range(1, arena.seeds + 1)
        for name in (REFERENCE, *names)
    ]
    return list(_rows(list(play_all(tasks, arena.jobs))))


def _rows(played: list[Played]) -> Iterable[Row]:
    for scene in SCENES:
        runs = [one for one in played if one.task.scene == scene]
        if not runs:
            continue
        least = _of(runs, REFERENCE)
        present = {one.task.contestant for one in runs}
        for name in CONTESTANTS:
            if name in present:
                yield from _figures(scene, name, _of(runs, name), least)


def _of(runs: list[Played], name: str) -> Measures:
    return one_after_another([one.measures for one in runs if one.task.contestant == name])


def _figures(scene: str, name: str, seen: Measures, least: Measures) -> Iterable[Row]:
    yield Row(name, f"{scene} sessions", seen.sessions, "sessions")
    yield Row(name, f"{scene} cut", seen.cut, "sessions")
    yield Row(name, f"{scene} rejects", seen.rejected, "sessions")
    yield Row(name, f"{scene} rejected", seen.rejected_percent, "%")
    yield Row(name, f"{scene} pod-hours", seen.pod_seconds / least.pod_seconds, "x reference")
    yield Row(name, f"{scene} utilisation", 100.0 * seen.utilisation, "%")
    yield Row(name, f"{scene} writes", seen.per_day(seen.writes), "a day")
    yield Row(name, f"{scene} reversals", seen.per_day(seen.reversals), "a day")
    yield Row(name, f"{scene} turns", seen.per_day(seen.turns), "a day")
