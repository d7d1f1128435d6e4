"""How many slots must be free, and how many workers that makes. Numbers in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from autoscaler.fleet import Fleet
from autoscaler.flow import quantile
from autoscaler.memory import Memory
from autoscaler.policy import PoolPolicy


@dataclass(frozen=True, slots=True)
class Buffer:
    """Slots to keep free: below `low` workers are added until there are `high`, above which some may go."""

    low: int
    high: int


def buffer(policy: PoolPolicy, memory: Memory, sessions: float, lead: float) -> Buffer:
    """The largest of the absolute, the percentage and what may come until an ordered worker serves. Who waits
    `patience` seconds needs no free slot before that; a look may be as old as `every`."""
    exposed = max(policy.every, lead + policy.every - policy.patience)
    spread = memory.spread or 0.0
    low = max(
        policy.buffer_slots,
        ceil(policy.buffer_percent * sessions / 100.0),
        quantile(spread, exposed, policy.buffer_sigmas),
    )
    learnt = memory.pace.regrets * sessions / 100.0
    return Buffer(low, low + max(1, ceil(learnt)))


def supply(fleet: Fleet, slots: int) -> int:
    """Slots that are free or will be without ordering anything; negative where sessions wait for more."""
    return fleet.free + fleet.free_ours + fleet.coming * slots - fleet.waiting


def wanted(fleet: Fleet, keep: Buffer, slots: int, extra: float = 0.0) -> int:
    """Workers that should serve for `extra` more sessions than there are and the buffer. Between `low` and `high` free
    slots: as many as there are."""
    have = fleet.open + len(fleet.ours)
    free = supply(fleet, slots) - extra
    if free < keep.low:
        return have + ceil((keep.high - free) / slots)
    return have - max(0, int((free - keep.high) // slots))


def hidden(policy: PoolPolicy, fleet: Fleet) -> float:
    """Sessions a second that come while nothing is free. Those who were refused do not show in the demand: those who
    wait came within the last `patience` seconds."""
    if fleet.free + fleet.free_ours > 0 or policy.patience <= 0:
        return 0.0
    return fleet.waiting / policy.patience
