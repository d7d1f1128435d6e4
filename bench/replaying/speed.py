"""What one decision costs: 1,000 workers with 100,000 sessions, a part of which comes and goes between two looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from time import process_time_ns

from autoscaler.decide import decide
from autoscaler.memory import Memory
from autoscaler.observation import MemberSeen, Observation, Phase, TargetSeen, WorkerSeen
from autoscaler.policy import LocalTarget, PoolPolicy
from autoscaler.replay.pods import POOL
from bench.rows import OURS, Row
from moorage.ids import WorkerId
from scheduler.values import WorkerState

WORKERS = 1_000
SLOTS = 110
SESSIONS = 100_000
LOOKS = 600
CHANGED = 200  # workers whose sessions changed between two looks


def decide_rows(looks: int = LOOKS) -> list[Row]:
    """CPU time of single calls, in ms; the first tenth, in which memory fills, does not count."""
    policy = PoolPolicy("speed", POOL, LocalTarget(()), SLOTS, maximum=2 * WORKERS)
    memory, took = Memory(), []
    for place, seen in enumerate(_looks(policy, looks)):
        begun = process_time_ns()
        _, memory = decide(policy, seen, memory, 1_767_571_200.0 + policy.every * place)
        took.append((process_time_ns() - begun) / 1e6)
    counted = sorted(took[looks // 10 :])
    return [
        Row(OURS, "decide: p50", counted[len(counted) // 2], "ms"),
        Row(OURS, "decide: p99", counted[int(len(counted) * 0.99)], "ms"),
        Row(OURS, "decide: max", counted[-1], "ms"),
    ]


def _looks(policy: PoolPolicy, looks: int) -> Iterator[Observation]:
    chance = Random(1)
    workers = [_worker(number, SESSIONS // WORKERS) for number in range(WORKERS)]
    members = tuple(MemberSeen(f"pod-{number}", f"pod-{number}", Phase.RUNNING, True, 0.0) for number in range(WORKERS))
    for _ in range(looks):
        for place in chance.sample(range(WORKERS), CHANGED):
            was = workers[place]
            workers[place] = replace(was, used=min(SLOTS, max(0, was.used + chance.randint(-3, 3))))
        yield Observation(policy.region, policy.pool, tuple(workers), 0, TargetSeen(WORKERS, members))


def _worker(number: int, used: int) -> WorkerSeen:
    worker = WorkerId(f"wrk_{number:026d}")
    return WorkerSeen(worker, WorkerState.SERVING, SLOTS, used, 0.0, f"pod-{number}")
