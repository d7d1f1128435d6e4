"""What was done to a pool's replicas and when, and the reversals, of which a day has a budget."""

from __future__ import annotations

from dataclasses import dataclass, replace

REVERSAL = 900.0  # replicas lowered and raised, or raised and lowered, within so long
DAY = 86_400.0
KEPT = 64
WRITES_KEPT = 128
QUIET, BUSY = 30, 60  # writes a day: with fewer than the one all may go sooner, with more than the other nothing
SOONEST = 0.15  # of the patience
MANY, TOO_MANY = 90, 110  # writes a day: beyond the one there should be fewer; with the other
LATEST = 3.0  # times the patience


@dataclass(frozen=True, slots=True)
class Pace:
    """The last writes, whoever made them."""

    raised_at: float | None = None
    lowered_at: float | None = None
    reversals: tuple[float, ...] = ()  # of the last day
    writes: tuple[float, ...] = ()  # of the last day


def after_raise(pace: Pace, now: float) -> Pace:
    """Replicas were raised."""
    reversals = _with(pace.reversals, now) if _turns(pace.lowered_at, pace.raised_at, now) else pace.reversals
    return replace(pace, raised_at=now, reversals=reversals, writes=_with(pace.writes, now, WRITES_KEPT))


def after_lower(pace: Pace, now: float) -> Pace:
    """Replicas were lowered."""
    reversals = _with(pace.reversals, now) if _turns(pace.raised_at, pace.lowered_at, now) else pace.reversals
    return replace(pace, lowered_at=now, reversals=reversals, writes=_with(pace.writes, now, WRITES_KEPT))


def reversals_today(pace: Pace, now: float) -> int:
    """In the last 24 hours."""
    return sum(1 for at in pace.reversals if at > now - DAY)


def patience(pace: Pace, known: float, now: float) -> float:
    """Times that a worker is kept for its return: less than 1 where a day has few writes and there may be more of them, more
    than 1 where it has had many. `known`: seconds for which writes have been counted; before a day of them it is no less than 1."""
    writes = sum(1 for at in pace.writes if at > now - DAY)
    if writes > MANY:
        return min(LATEST, 1.0 + (LATEST - 1.0) * (writes - MANY) / (TOO_MANY - MANY))
    if known < DAY:
        return 1.0
    return min(1.0, max(SOONEST, (writes - QUIET) / (BUSY - QUIET)))


def _turns(other_at: float | None, same_at: float | None, now: float) -> bool:
    """The last write went the other way, and lately."""
    return other_at is not None and now - other_at <= REVERSAL and (same_at is None or same_at < other_at)


def _with(times: tuple[float, ...], now: float, most: int = KEPT) -> tuple[float, ...]:
    return (*(at for at in times if at > now - DAY), now)[-most:]
