"""How much may go now: workers that get nothing new, and workers that are removed."""

from __future__ import annotations

from autoscaler.case import Case
from autoscaler.decision import Limit, Removal
from autoscaler.moves import to_cordon, to_retire
from autoscaler.need import AHEAD, LEVEL_BAND, LEVEL_LEAST
from autoscaler.observation import WorkerSeen

FEW = 0.08  # of the workers: fewer than that are removed only after
PATIENT = 3600.0  # without a write
MANY = 0.08  # of the workers: as many, and at least two, are removed without waiting for `down_every`, but not within
BREATH = 150.0
AT_ONCE = 0.25  # of the workers may be cordoned or removed at a time, where that is more than `remove_at_once`
HOUR = 3600.0  # history by the minute reaches so far: only there a fall can be told from what is held


def cordoned(case: Case, floor: int) -> list[WorkerSeen]:
    """The emptiest, as long as the buffer is free without them. Above the limit: whatever is free."""
    fleet = case.fleet
    room = _at_once(case) - len(fleet.ours)
    over = fleet.open - case.limit
    if over > 0:
        return to_cordon(fleet.serving, 0, min(room, over), whatever=True)
    if case.frozen.blocks_spare:
        return []
    spare = int(fleet.free - fleet.waiting - case.keep.high - case.rising)
    return to_cordon(fleet.serving, spare, min(room, len(fleet.serving) + len(fleet.suspect) - floor))


def retired(case: Case, floor: int) -> tuple[tuple[Removal, ...], list[Limit]]:
    """Those that are empty, as far as the highest demand of the window leaves room, and not too often."""
    fleet, memory = case.fleet, case.memory
    empty = sum(1 for worker in fleet.ours if not worker.used)
    have = fleet.open + len(fleet.ours)
    over = have - case.limit
    most, held = _allowed(case, have, floor)
    most = over if case.frozen.blocks_spare else max(most, over)
    limits = [held] if empty > max(0, most) else []
    if most > 0 and over <= 0 and _is_soon(case, min(most, empty), have):
        limits.append(Limit("pace", have, "few go later and together"))
        most = 0
    return to_retire(fleet.ours, fleet.retired, memory.empty_since, case.now, most), limits


def _allowed(case: Case, have: int, floor: int) -> tuple[int, Limit]:
    """Workers that the buffer, the window's highest demand and the floors leave over, and what says so."""
    fleet, memory = case.fleet, case.memory
    level = memory.demand.level_for(LEVEL_BAND)
    span = level if level >= LEVEL_LEAST else case.patience * case.policy.down_window
    peak = memory.demand.maximum(case.now - span, min(0.0, case.drift) if span <= HOUR else 0.0)
    rise = max(0.0, case.drift) * AHEAD
    kept = case.keep.low + 1 + case.rising + max(peak - (memory.demand.last or 0.0), rise)
    spare = fleet.free + fleet.free_ours - fleet.waiting - kept
    ruled = int(memory.ruled.maximum(case.now - span))
    most = min(int(spare // case.policy.slots), have - max(floor, ruled), _at_once(case))
    return most, Limit("window", have - max(0, most), f"up to {peak:.0f} sessions within the last {span:.0f} s")


def _at_once(case: Case) -> int:
    fleet = case.fleet
    return max(case.policy.remove_at_once, int(AT_ONCE * (fleet.open + len(fleet.ours))))


def _is_soon(case: Case, count: int, have: int) -> bool:
    pace = case.memory.pace
    lowered = case.now - pace.lowered_at if pace.lowered_at is not None else PATIENT
    if count >= max(2, MANY * have):
        return lowered < case.patience * BREATH
    raised = case.now - pace.raised_at if pace.raised_at is not None else PATIENT
    if count < FEW * have and min(lowered, raised) < case.patience * PATIENT:
        return True
    return lowered < case.patience * case.policy.down_every
