"""How many slots must be free, and how many workers that makes. Numbers in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

from autoscaler.fleet import Fleet
from autoscaler.flow import fastest, quantile
from autoscaler.memory import Memory
from autoscaler.policy import PoolPolicy

NOISE = 600.0  # seconds over which demand wanders before it comes back: about a session's length
RAISE = 0.4  # sigmas of that wandering that a raise adds beyond the buffer, so that the next one is not at once
AHEAD = 600.0  # seconds of the drift that a raise adds, and that a removal leaves,
AHEAD_MOST = 0.05  # at most this part of the demand
LEAVING = 0.5  # part of those who leave while somebody waits that is counted on
CROWD = 0.1  # of the sessions: as many within the lead time are a crowd
AWAY = 0.06  # of those who usually are there and are not: so many may come back within the lead time
BACK = 8.0  # who was away comes back faster than the first of them do: so many times more, up to what is usual
BEYOND = 2.0  # a crowd is reckoned with for so many lead times more, so that it is followed in few steps
SATURATED = 0.5  # of the fastest growth: below it the demand has stopped to show who comes
LEVEL_BAND = 0.1  # demand that keeps within this part of itself
LEVEL_LEAST = 10_800.0  # for so long is level: then its highest is kept, and noise within it is no trend


@dataclass(frozen=True, slots=True)
class Usual:
    """At this time of the day."""

    rate: float = 0.0  # arrivals a second
    sessions: float | None = None  # None: not known, or not to be trusted


@dataclass(frozen=True, slots=True)
class Buffer:
    """Slots to keep free: below `low` workers are added until there are `high`, above which some may go."""

    low: int
    high: int


def buffer(
    policy: PoolPolicy, memory: Memory, sessions: float, lead: float, drift: float, usual: Usual, part: float = 1.0
) -> Buffer:
    """The largest of the absolute, the percentage and what may come until an ordered worker serves. Who waits
    `patience` seconds needs no free slot before that; a look may be as old as `every`. Who is away may come back all at once."""
    exposed = max(policy.every, lead + policy.every - policy.patience)
    spread = memory.spread or 0.0
    leaving = LEAVING * policy.patience * spread / 2.0
    low = max(
        policy.buffer_slots,
        ceil(policy.buffer_percent * sessions / 100.0),
        ceil(quantile(spread, exposed, policy.buffer_sigmas, usual.rate) - leaving),
        ceil(AWAY * ((usual.sessions or 0.0) - sessions)),
    )
    more = max(part * RAISE * wandering(policy, memory), min(drift * AHEAD, AHEAD_MOST * sessions), 1.0)
    return Buffer(low, low + ceil(more))


def wandering(policy: PoolPolicy, memory: Memory) -> float:
    """One sigma of how far demand goes and comes back: over a session's length, or the window where that is shorter."""
    return sqrt((memory.spread or 0.0) * min(NOISE, policy.down_window))


def supply(fleet: Fleet, slots: int) -> int:
    """Slots that are free or will be without ordering anything; negative where sessions wait for more."""
    return fleet.free + fleet.free_ours + fleet.coming * slots - fleet.waiting


def wanted(fleet: Fleet, keep: Buffer, slots: int, extra: float = 0.0, away: float = 0.0) -> int:
    """Workers that should serve for `extra` more sessions than there are and the buffer. Between `low` and `high` free
    slots: as many as there are. Where some are to be added for a crowd, they are for `BEYOND` times more: it goes on coming;
    where `away` sessions fewer than usual are there, for `BACK` times more, but no more than those."""
    have = fleet.open + len(fleet.ours)
    free = supply(fleet, slots) - extra
    if free < keep.low:
        crowd = max(BEYOND * extra, min(BACK * extra, away - extra)) if extra > CROWD * fleet.sessions else 0.0
        return have + ceil((keep.high - free + crowd) / slots)
    return have - max(0, int((free - keep.high) // slots))


def hidden(policy: PoolPolicy, fleet: Fleet, memory: Memory, ahead: float) -> float:
    """Sessions more that come within `ahead` seconds while nothing is free, and are refused before they show in the demand:
    those who wait came within the last `patience` seconds. More who wait than can have come since wait longer than that,
    and show."""
    if fleet.free + fleet.free_ours > 0 or policy.patience <= 0 or not fleet.waiting:
        return 0.0
    looks = memory.demand.looks[-2:]
    rate, most = fleet.waiting / policy.patience, fastest(memory.demand.looks)
    is_rising = fastest(looks) > SATURATED * most
    return 0.0 if is_rising or rate > 1.5 * most else rate * ahead
