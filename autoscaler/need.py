"""How many slots must be free, and how many workers that makes. Numbers in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass
import os
from math import ceil, sqrt

from autoscaler.fleet import Fleet
from autoscaler.flow import fastest, quantile
from autoscaler.memory import Memory
from autoscaler.policy import PoolPolicy


LEVEL_BAND = float(os.environ.get("BAND","0.1"))
LEVEL_LEAST = float(os.environ.get("CALM","10800"))
AHEAD = float(os.environ.get("AHEAD","600"))
NOISE = 600.0
SHOWS = 0.5
MOST_AHEAD = 0.05
RAISE = float(os.environ.get("RAISE","0.5"))
CREDIT = float(os.environ.get("CREDIT","0.5"))


@dataclass(frozen=True, slots=True)
class Buffer:
    """Slots to keep free: below `low` workers are added until there are `high`, above which some may go."""

    low: int
    high: int


def buffer(policy: PoolPolicy, memory: Memory, sessions: float, lead: float, drift: float) -> Buffer:
    """The largest of the absolute, the percentage and what may come until an ordered worker serves. Who waits
    `patience` seconds needs no free slot before that; a look may be as old as `every`."""
    exposed = max(policy.every, lead + policy.every - policy.patience)
    spread = memory.spread or 0.0
    leaving = CREDIT * policy.patience * spread / 2.0
    low = max(
        policy.buffer_slots,
        ceil(policy.buffer_percent * sessions / 100.0),
        ceil(quantile(spread, exposed, policy.buffer_sigmas) - leaving),
    )
    return Buffer(low, low + max(1, ceil(max(RAISE * sqrt(spread * NOISE), min(drift * AHEAD, MOST_AHEAD * sessions)))))


def supply(fleet: Fleet, slots: int) -> int:
    """Slots that are free or will be without ordering anything; negative where sessions wait for more."""
    return fleet.free + fleet.free_ours + fleet.coming * slots - fleet.waiting


def wanted(fleet: Fleet, keep: Buffer, slots: int, extra: float = 0.0) -> int:
    """Workers that should serve for `extra` more sessions than there are and the buffer. Between `low` and `high` free
    slots: as many as there are. Where some are to be added, they are for twice the extra: what comes goes on coming."""
    have = fleet.open + len(fleet.ours)
    free = supply(fleet, slots) - extra
    if free < keep.low:
        return have + ceil((keep.high - free + extra) / slots)
    return have - max(0, int((free - keep.high) // slots))


def hidden(policy: PoolPolicy, fleet: Fleet, memory: Memory, ahead: float) -> float:
    """Sessions more that come within `ahead` seconds while nothing is free, and are refused before they show in the demand:
    those who wait came within the last `patience` seconds. More who wait than can have come since wait longer than that,
    and show."""
    if fleet.free + fleet.free_ours > 0 or policy.patience <= 0 or not fleet.waiting:
        return 0.0
    looks = memory.demand.looks[-2:]
    rate, most = fleet.waiting / policy.patience, fastest(memory.demand.looks)
    is_rising = fastest(looks) > SHOWS * most
    return 0.0 if is_rising or rate > 1.5 * most else rate * ahead
