"""How many workers a pool should have now, which serve, which go.

Slots are counted, not workers: sessions and the buffer on one side, free slots on the other, whatever the workers'
fragmentation. Up at once: workers that the autoscaler cordoned serve again first, then replicas are raised to all that
is needed. Down in three steps of which only the last is written to the target: the emptiest are cordoned while the
buffer allows it, they empty by themselves, and go when the window's highest demand allows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from autoscaler.candidates import floors, from_sessions, limited
from autoscaler.case import Case, case, with_ruled
from autoscaler.decision import Candidate, Decision, Limit, Removal
from autoscaler.learning import after_decision
from autoscaler.memory import Memory
from autoscaler.moves import to_uncordon
from autoscaler.observation import Observation, WorkerSeen
from autoscaler.policy import PoolPolicy
from autoscaler.shrinking import cordoned, retired

NAMED = 3
REPLACED_PART = 0.25  # of the workers: so many overdue members are replaced before they serve or go


@dataclass(frozen=True, slots=True)
class _Moves:
    """What is done."""

    replicas: int
    uncordon: tuple[WorkerSeen, ...] = ()
    cordon: tuple[WorkerSeen, ...] = ()
    retire: tuple[Removal, ...] = ()
    limits: tuple[Limit, ...] = ()


def decide(policy: PoolPolicy, seen: Observation, memory: Memory, now: float) -> tuple[Decision, Memory]:
    """Pure: the same arguments give the same answer. `now` in seconds, never before an earlier one of the same memory."""
    made = case(policy, seen, memory, now)
    fixed = floors(made)
    if policy.rules:
        made = with_ruled(made, max((floor.workers for floor in fixed if floor.source.startswith("rule:")), default=0))
    candidates = [*from_sessions(made), *fixed]
    winner = max(candidates, key=lambda candidate: candidate.workers)
    desired, limits = limited(made, winner.workers)
    floor = min(desired, max(candidate.workers for candidate in fixed))
    moves = _moves(made, desired, floor)
    decision = _decision(made, winner, tuple(candidates), desired, moves, (*limits, *moves.limits))
    has_raised = seen.target is not None and decision.replicas > seen.target.replicas
    return decision, after_decision(decision, made.memory, has_raised=has_raised)


def _moves(made: Case, desired: int, floor: int) -> _Moves:
    fleet, target = made.fleet, made.seen.target
    replicas = target.replicas if target is not None else made.memory.replicas or 0
    if not fleet.is_known:
        raised, limits = _raised(made, replicas, floor - replicas)
        return _Moves(raised, limits=limits)
    back = _uncordoned(made, desired)
    raised, limits = _raised(made, replicas, desired - _open(made, desired) - len(back))
    limits = (*limits, *_late(made))
    if back or raised > replicas or made.frozen.blocks_down or fleet.waiting:
        return _Moves(raised, tuple(back), limits=limits)
    gone, held = retired(made, floor)
    return _Moves(raised, cordon=tuple(cordoned(made, floor)), retire=gone, limits=(*limits, *held))


def _open(made: Case, desired: int) -> int:
    """Workers that serve or will. Overdue members beyond a bound are hoped for: replacing them all would not end."""
    bound = max(1, ceil(REPLACED_PART * desired))
    return made.fleet.open + max(0, len(made.fleet.overdue) - bound)


def _late(made: Case) -> tuple[Limit, ...]:
    late = made.fleet.overdue
    if not late:
        return ()
    names = ", ".join(member.name for member in late[:NAMED])
    return (Limit("overdue", len(late), f"started long ago and do not serve, or fail: {names}"),)


def _uncordoned(made: Case, desired: int) -> list[WorkerSeen]:
    """Before anything is ordered: it is free and at once."""
    fleet = made.fleet
    if not fleet.ours:
        return []
    room = made.limit - fleet.open
    if room <= 0:
        return []
    free = fleet.free - fleet.waiting
    slots = ceil(made.keep.high + made.rising - free) if free < made.keep.low + made.rising else 0
    return to_uncordon(fleet.ours, slots, desired - fleet.open)[:room]


def _raised(made: Case, replicas: int, more: int) -> tuple[int, tuple[Limit, ...]]:
    """Replicas with so many more, as far as the maximum and freezes leave it."""
    if more <= 0:
        return replicas, ()
    if made.frozen.blocks_up:
        return replicas, (Limit("frozen", replicas, f"{more} more are wanted"),)
    most = max(replicas, made.policy.maximum)
    if replicas + more > most:
        return most, (Limit("maximum", most, f"{replicas + more} replicas are wanted"),)
    return replicas + more, ()


def _decision(
    made: Case,
    winner: Candidate,
    candidates: tuple[Candidate, ...],
    desired: int,
    moves: _Moves,
    limits: tuple[Limit, ...],
) -> Decision:
    fleet = made.fleet
    return Decision(
        made.policy.region,
        made.policy.pool,
        made.now,
        desired=desired,
        replicas=moves.replicas,
        uncordon=tuple(worker.worker for worker in moves.uncordon),
        cordon=tuple(worker.worker for worker in moves.cordon),
        retire=moves.retire,
        winner=winner.source,
        reason=_reason(made, winner, desired, moves),
        candidates=candidates,
        limits=limits,
        frozen=made.frozen.all,
        sessions=fleet.sessions,
        serving=len(fleet.serving),
        starting=fleet.coming,
        draining=len(fleet.ours) + len(fleet.set_aside),
        free_slots=fleet.free,
        lead_seconds=made.lead,
    )


def _reason(made: Case, winner: Candidate, desired: int, moves: _Moves) -> str:
    """One sentence."""
    before = made.seen.target.replicas if made.seen.target is not None else None
    if before is not None and moves.replicas > before:
        return f"{before} replicas become {moves.replicas}: {winner.source} wants {winner.workers} workers ({winner.detail})"
    if moves.uncordon:
        return f"{len(moves.uncordon)} cordoned workers serve again: {winner.source} wants {winner.workers} ({winner.detail})"
    if moves.retire:
        return f"{len(moves.retire)} empty workers go: {desired} should serve ({winner.source}: {winner.detail})"
    if moves.cordon:
        return f"{len(moves.cordon)} of the emptiest workers get nothing new: {desired} should serve ({winner.detail})"
    return f"nothing to do: {desired} workers should serve ({winner.source}: {winner.detail})"
