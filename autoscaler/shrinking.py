"""How much may go now: workers that get nothing new, and workers that are removed."""

from __future__ import annotations

from autoscaler.case import Case
from autoscaler.decision import Limit, Removal
from autoscaler.moves import to_cordon, to_retire
from autoscaler.observation import WorkerSeen
from autoscaler.pace import window

MUCH = 0.04  # of the workers: so many are removed without waiting for `down_every`
MUCH_LEAST = 2


def cordoned(case: Case, floor: int) -> list[WorkerSeen]:
    """The emptiest, as long as the buffer is free without them. Above the limit: whatever is free."""
    fleet, policy = case.fleet, case.policy
    room = policy.remove_at_once - len(fleet.ours)
    over = fleet.open - case.limit
    if over > 0:
        return to_cordon(fleet.serving, 0, min(room, over), whatever=True)
    spare = int(fleet.free - fleet.waiting - case.keep.high - case.rising)
    return to_cordon(fleet.serving, spare, min(room, len(fleet.serving) + len(fleet.suspect) - floor))


def retired(case: Case, floor: int) -> tuple[tuple[Removal, ...], list[Limit]]:
    """Those that are empty, as far as the highest demand of the window leaves room, and not too often."""
    fleet, policy, memory = case.fleet, case.policy, case.memory
    empty = sum(1 for worker in fleet.ours if not worker.used)
    have = fleet.open + len(fleet.ours)
    over = have - case.limit
    span = window(memory.pace, policy.down_window)
    peak = memory.demand.maximum(case.now - span)
    above = max(0.0, peak - (memory.demand.last or 0.0))
    spare = fleet.free + fleet.free_ours - fleet.waiting - case.keep.high - case.rising - above
    ruled = int(memory.ruled.maximum(case.now - span))
    allowed = min(int(spare // policy.slots), have - max(floor, ruled), policy.remove_at_once)
    most = max(allowed, over)
    limits = []
    if empty > max(0, most):
        limits.append(Limit("window", have - max(0, most), f"{peak:.0f} sessions within the last {span:.0f} s"))
    if most > 0 and over <= 0 and _is_soon(case, min(most, empty), have):
        limits.append(Limit("pace", have, f"the last removal was less than {policy.down_every:.0f} s ago"))
        most = 0
    return to_retire(fleet.ours, fleet.retired, memory.empty_since, case.now, most), limits


def _is_soon(case: Case, count: int, have: int) -> bool:
    lowered_at = case.memory.pace.lowered_at
    if lowered_at is None or case.now - lowered_at >= case.policy.down_every:
        return False
    return count < max(MUCH_LEAST, MUCH * have)
