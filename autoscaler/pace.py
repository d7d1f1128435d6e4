"""What was done to a pool's replicas and when, and the reversals, of which a day has a budget."""

from __future__ import annotations

from dataclasses import dataclass, replace

REVERSAL = 900.0  # replicas lowered and raised, or raised and lowered, within so long
DAY = 86_400.0
KEPT = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """The last writes, whoever made them."""

    raised_at: float | None = None
    lowered_at: float | None = None
    reversals: tuple[float, ...] = ()  # of the last day


def after_raise(pace: Pace, now: float) -> Pace:
    """Replicas were raised."""
    reversals = _with(pace.reversals, now) if _turns(pace.lowered_at, pace.raised_at, now) else pace.reversals
    return replace(pace, raised_at=now, reversals=reversals)


def after_lower(pace: Pace, now: float) -> Pace:
    """Replicas were lowered."""
    reversals = _with(pace.reversals, now) if _turns(pace.raised_at, pace.lowered_at, now) else pace.reversals
    return replace(pace, lowered_at=now, reversals=reversals)


def reversals_today(pace: Pace, now: float) -> int:
    """In the last 24 hours."""
    return sum(1 for at in pace.reversals if at > now - DAY)


def _turns(other_at: float | None, same_at: float | None, now: float) -> bool:
    """The last write went the other way, and lately."""
    return other_at is not None and now - other_at <= REVERSAL and (same_at is None or same_at < other_at)


def _with(reversals: tuple[float, ...], now: float) -> tuple[float, ...]:
    return (*(at for at in reversals if at > now - DAY), now)[-KEPT:]
