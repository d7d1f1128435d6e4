"""What one look teaches: the memory before the decision, and after it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from autoscaler.decision import Decision
from autoscaler.fleet import Fleet
from autoscaler.flow import spread_after, spread_at_first
from autoscaler.forecast import with_demand
from autoscaler.lead import measured, ordered_at
from autoscaler.memory import Memory
from autoscaler.observation import Observation
from autoscaler.pace import after_lower, after_raise
from autoscaler.policy import PoolPolicy
from moorage.ids import WorkerId
from scheduler.values import WorkerState

GAP_LOOKS = 12.0  # so many looks that did not happen are a gap: another process begins to watch
GAP_LEAST = 120.0


def after_look(policy: PoolPolicy, seen: Observation, fleet: Fleet, memory: Memory, now: float) -> Memory:
    """Measured before anything is decided. What could not be seen leaves its part as it was."""
    is_gap = memory.seen_at is None or now - memory.seen_at > max(GAP_LEAST, GAP_LOOKS * policy.every)
    memory = replace(memory, watched_since=now if is_gap else memory.watched_since, seen_at=now)
    if seen.target is not None:
        memory = _with_replicas(memory, seen.target.replicas, now)
    if seen.workers is None:
        return memory
    memory = _with_demand(fleet, memory, now)
    return _with_workers(seen, fleet, memory, now)


def after_decision(decision: Decision, memory: Memory, *, has_raised: bool) -> Memory:
    """What was begun. That it is carried out is seen, or not, at the next look."""
    cordoned = memory.cordoned.union(decision.cordon) if decision.cordon else memory.cordoned
    return replace(
        memory,
        cordoned=cordoned,
        workers=decision.desired,
        ordered_at=decision.at if has_raised else memory.ordered_at,
    )


def _with_replicas(memory: Memory, replicas: int, now: float) -> Memory:
    """Raised and lowered is what the target shows, whoever did it."""
    before = memory.replicas
    if before == replicas:
        return memory
    pace = memory.pace
    if before is not None:
        pace = after_raise(pace, now) if replicas > before else after_lower(pace, now)
    return replace(memory, replicas=replicas, pace=pace)


def _with_demand(fleet: Fleet, memory: Memory, now: float) -> Memory:
    demand = float(fleet.sessions + fleet.used_ours + fleet.carried)
    spread, habits = memory.spread, memory.habits
    if spread is None:
        spread = spread_at_first(demand)
    elif memory.demand.looks:
        at, last = memory.demand.looks[-1]
        spread = spread_after(spread, demand - last, now - at)
        habits = habits.with_change(now, demand - last, now - at)
    return replace(
        memory,
        spread=spread,
        demand=memory.demand.with_look(now, demand),
        seasons=with_demand(memory.seasons, now, demand),
        habits=habits,
    )


def _with_workers(seen: Observation, fleet: Fleet, memory: Memory, now: float) -> Memory:
    cordoned = _still_ours(seen, memory.cordoned) if memory.cordoned else memory.cordoned
    empty = {worker.worker: memory.empty_since.get(worker.worker, now) for worker in fleet.ours if not worker.used}
    memory = replace(memory, cordoned=cordoned, empty_since=empty)
    if seen.target is None:
        return memory
    starting = {
        member: memory.starting.get(member, ordered_at(at, memory.ordered_at)) for member, at in fleet.starting.items()
    }
    return replace(
        memory,
        carried=_carried(seen, fleet, memory),
        starting=starting,
        leads=measured(memory.leads, memory.starting, fleet.members, now),
    )


def _still_ours(seen: Observation, cordoned: Collection[WorkerId]) -> frozenset[WorkerId]:
    """A worker that serves was uncordoned; one that drains is an operator's now. A suspect one does not show its duty."""
    kept = (WorkerState.CORDONED, WorkerState.SUSPECT, WorkerState.LOST)
    return frozenset(
        worker.worker for worker in seen.workers or () if worker.worker in cordoned and worker.state in kept
    )


def _carried(seen: Observation, fleet: Fleet, memory: Memory) -> dict[str, int]:
    """Sessions of each member: of its worker, or of the one that is missing now."""
    alive = {
        worker.member: worker.used
        for worker in seen.workers or ()
        if worker.member is not None and worker.state not in (WorkerState.LOST, WorkerState.STARTING)
    }
    for member in fleet.missing:
        alive[member.member] = memory.carried.get(member.member, 0)
    return alive
