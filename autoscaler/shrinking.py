"""How much may go now: workers that get nothing new, and workers that are removed."""

from __future__ import annotations

import os
from math import sqrt

from autoscaler.case import Case
from autoscaler.decision import Limit, Removal
from autoscaler.moves import to_cordon, to_retire
from autoscaler.need import AHEAD, LEVEL_BAND, LEVEL_LEAST, NOISE
from autoscaler.observation import WorkerSeen

MARGIN = float(os.environ.get("MARGIN","1"))
BATCH = float(os.environ.get("BATCH","0.05"))
MUCH = float(os.environ.get("MUCH","0.08"))
STALE = 3600.0
AT_ONCE = 0.25
LEAST = float(os.environ.get('LEAST','60'))
GAPR = float(os.environ.get('GAPR','0'))
FALL = float(os.environ.get("FALL","1"))


def cordoned(case: Case, floor: int) -> list[WorkerSeen]:
    """The emptiest, as long as the buffer is free without them. Above the limit: whatever is free."""
    fleet, policy = case.fleet, case.policy
    room = _at_once(case) - len(fleet.ours)
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
    level = memory.demand.level_for(LEVEL_BAND)
    span = level if level >= LEVEL_LEAST else policy.down_window
    falling = min(0.0, case.drift) * FALL if span <= 3600 else 0.0
    peak = memory.demand.maximum(case.now - span, falling)
    demand = memory.demand.last or 0.0
    above = max(peak - demand, MARGIN * sqrt((memory.spread or 0.0) * NOISE) + max(0.0, case.drift) * AHEAD)
    spare = fleet.free + fleet.free_ours - fleet.waiting - case.keep.low - 1 - case.rising - above
    ruled = int(memory.ruled.maximum(case.now - span))
    allowed = min(int(spare // policy.slots), have - max(floor, ruled), _at_once(case))
    most = max(allowed, over)
    limits = []
    if empty > max(0, most):
        limits.append(Limit("window", have - max(0, most), f"{peak:.0f} sessions within the last {span:.0f} s"))
    if most > 0 and over <= 0 and _is_soon(case, min(most, empty), have):
        limits.append(Limit("pace", have, "so few are removed later, together"))
        most = 0
    return to_retire(fleet.ours, fleet.retired, memory.empty_since, case.now, most), limits


def _at_once(case: Case) -> int:
    fleet = case.fleet
    return max(case.policy.remove_at_once, int(AT_ONCE * (fleet.open + len(fleet.ours))))


def _is_soon(case: Case, count: int, have: int) -> bool:
    pace = case.memory.pace
    since = case.now - pace.lowered_at if pace.lowered_at is not None else STALE
    if count >= MUCH * have and count >= 2:
        return since < LEAST
    written_at = max(pace.lowered_at or 0.0, pace.raised_at or 0.0)
    if count < BATCH * have and case.now - written_at < STALE:
        return True
    if pace.raised_at is not None and case.now - pace.raised_at < GAPR:
        return True
    return since < case.policy.down_every
