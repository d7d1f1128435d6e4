"""One run of one contestant, and many of them on several cores."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from random import Random
from time import process_time

from autoscaler.replay.controller import Controller
from autoscaler.replay.engine import play
from autoscaler.replay.faults import Fault, View
from autoscaler.replay.measures import Measures, together
from autoscaler.replay.reference import FirstSign, most_at_once, reference_pod_seconds
from bench.replaying.contestants import controller_of
from bench.replaying.cycle import CROWD_SIGN
from bench.replaying.mishaps import spans
from bench.replaying.scenes import Stage, stages
from bench.rows import OURS

REFERENCE = "reference"
FIRST_SIGN = "first-sign"


@dataclass(frozen=True, slots=True)
class Task:
    """One contestant in one scene with one seed and one fault."""

    scene: str
    seed: int
    contestant: str
    days: int
    fault: Fault = Fault.NONE


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it, over all pools of the scene."""

    task: Task
    measures: Measures
    cpu_seconds: float


def play_task(task: Task) -> Played:
    """In this process."""
    begun = process_time()
    parts = [_play(task, stage, place) for place, stage in enumerate(stages(task.scene, task.seed, task.days))]
    return Played(task, together(parts), process_time() - begun)


def _play(task: Task, stage: Stage, place: int) -> Measures:
    setting = stage.setting
    if task.contestant == REFERENCE:
        paid = reference_pod_seconds(stage.sessions, setting)
        return Measures(setting.end - setting.begin, setting.slots, pod_seconds=paid)
    chance = Random(1000 * task.seed + place)
    return play(stage.sessions, setting, _controller(task, stage), chance)


def _controller(task: Task, stage: Stage) -> Controller:
    if task.contestant == FIRST_SIGN:
        most = most_at_once(stage.sessions, CROWD_SIGN)
        return FirstSign(controller_of(OURS, stage, View()), CROWD_SIGN, round(1.2 * most / stage.setting.slots))
    return controller_of(task.contestant, stage, View(task.fault, spans(task.scene, task.fault, stage)))


def play_all(tasks: Sequence[Task], jobs: int) -> Iterator[Played]:
    """On so many cores, in the order they end; says on stderr how far it is."""
    for done, played in enumerate(_played(tasks, jobs), start=1):
        task = played.task
        what = f"{task.contestant} in {task.scene}, seed {task.seed}, fault {task.fault.value}"
        print(f"  {done}/{len(tasks)} {what}: {played.cpu_seconds:.0f} s of CPU", file=sys.stderr)
        yield played


def _played(tasks: Sequence[Task], jobs: int) -> Iterator[Played]:
    if jobs == 1:
        yield from map(play_task, tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as crew:
        for run in as_completed([crew.submit(play_task, task) for task in tasks]):
            yield run.result()
