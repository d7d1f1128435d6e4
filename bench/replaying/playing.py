"""One run of one contestant, and many of them on several cores."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from random import Random
from time import process_time

from autoscaler.replay.engine import play
from autoscaler.replay.measures import Measures, together
from autoscaler.replay.reference import reference_pod_seconds
from bench.replaying.contestants import controller_of
from bench.replaying.scenes import Stage, stages

REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Task:
    """One contestant in one scene with one seed."""

    scene: str
    seed: int
    contestant: str
    is_quick: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it, over all pools of the scene."""

    task: Task
    measures: Measures
    cpu_seconds: float


def play_task(task: Task) -> Played:
    """In this process."""
    begun = process_time()
    parts = [_play(task, stage, place) for place, stage in enumerate(stages(task.scene, task.seed, task.is_quick))]
    return Played(task, together(parts), process_time() - begun)


def _play(task: Task, stage: Stage, place: int) -> Measures:
    setting = stage.setting
    if task.contestant == REFERENCE:
        paid = reference_pod_seconds(stage.sessions, setting)
        return Measures(setting.end - setting.begin, setting.slots, pod_seconds=paid)
    chance = Random(1000 * task.seed + place)
    return play(stage.sessions, setting, controller_of(task.contestant, stage), chance)


def play_all(tasks: Iterable[Task], jobs: int) -> Iterator[Played]:
    """On so many cores, in the order they end; says on stderr how far it is."""
    waiting = list(tasks)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as crew:
        runs = [crew.submit(play_task, task) for task in waiting]
        for done, run in enumerate(as_completed(runs), start=1):
            played = run.result()
            task = played.task
            what = f"{task.contestant} in {task.scene}, seed {task.seed}, {played.cpu_seconds:.0f} s of CPU"
            print(f"  {done}/{len(waiting)} {what}", file=sys.stderr)
            yield played
