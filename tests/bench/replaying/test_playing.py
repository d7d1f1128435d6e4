from pathlib import Path

import pytest

from autoscaler.replay.faults import Fault
from bench import replay
from bench.arena import Arena
from bench.replaying.playing import FIRST_SIGN, REFERENCE, Task, play_task
from bench.rows import OURS


def test_a_task_gives_the_same_measures_again() -> None:
    task = Task("small step", 1, "hpa", 1)

    assert play_task(task).measures == play_task(task).measures


def test_the_reference_pays_less_than_a_contestant() -> None:
    least, seen = (play_task(Task("small step", 1, name, 1)).measures for name in (REFERENCE, OURS))

    assert 0.0 < least.pod_seconds <= seen.pod_seconds
    assert least.seconds == seen.seconds


def test_a_fault_of_the_target_delays_what_a_contestant_writes() -> None:
    clean, faulty = (play_task(Task("crowd", 1, "hpa", 1, fault)).measures for fault in (Fault.NONE, Fault.API))

    assert clean.rejected < faulty.rejected


@pytest.mark.slow
def test_who_sees_the_crowd_at_its_first_sign_rejects_fewer() -> None:
    sign, hpa = (play_task(Task("crowd", 1, name, 1)).measures for name in (FIRST_SIGN, "hpa"))

    assert sign.rejected < hpa.rejected


def test_a_bench_of_one_scene_has_its_rows_and_its_parameters(tmp_path: Path) -> None:
    arena = Arena(tmp_path, is_quick=True, only=frozenset({OURS}), scenes=frozenset({"small step"}), jobs=1)

    rows = {(row.name, row.metric): row.value for row in replay.run(arena)}

    assert rows[OURS, "small step: cut"] == 0.0
    assert rows[OURS, "small step: rejects"] == 0.0
    assert rows[OURS, "small step: sessions"] == 6.0


def test_every_goal_is_about_a_row_that_a_whole_run_has() -> None:
    scenes = {goal.metric.split(":")[0].split(",")[0] for goal in replay.GOALS}

    assert {"flights", "cycle", "crowd", "steady", "step", "small step", "decide"} == scenes
