"""How fast a pool may shrink: a window that learns from its mistakes, and a budget of reversals.

A worker goes when the highest demand over the window would allow it. Raising again within that window was a mistake of
the window: the next one is three times as long, up to a day. A fall too deep to be noise starts anew with the shortest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

REVERSAL = 900.0  # replicas lowered and raised, or raised and lowered, within so long
DAY = 86_400.0
GROWTH = 3.0
MOST_REGRETS = 5
KEPT = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """What was done last, and how often it was wrong."""

    raised_at: float | None = None
    lowered_at: float | None = None
    regrets: int = 0
    regretted_at: float | None = None
    reversals: tuple[float, ...] = ()  # of the last day


def window(pace: Pace, shortest: float) -> float:
    """Seconds whose highest demand must allow a removal."""
    return min(shortest * GROWTH**pace.regrets, max(DAY, shortest))


def after_raise(pace: Pace, now: float, shortest: float) -> Pace:
    """Replicas were raised."""
    if pace.lowered_at is None:
        return replace(pace, raised_at=now)
    since = now - pace.lowered_at
    if since > window(pace, shortest):
        return replace(pace, raised_at=now)
    regrets = min(pace.regrets + 1, MOST_REGRETS)
    reversals = _with(pace.reversals, now) if since <= REVERSAL else pace.reversals
    return replace(pace, raised_at=now, lowered_at=None, regrets=regrets, regretted_at=now, reversals=reversals)


def after_lower(pace: Pace, now: float) -> Pace:
    """Replicas were lowered."""
    is_reversal = pace.raised_at is not None and now - pace.raised_at <= REVERSAL
    return replace(pace, lowered_at=now, reversals=_with(pace.reversals, now) if is_reversal else pace.reversals)


def reversals_today(pace: Pace, now: float) -> int:
    """In the last 24 hours."""
    return sum(1 for at in pace.reversals if at > now - DAY)


def _with(reversals: tuple[float, ...], now: float) -> tuple[float, ...]:
    return (*(at for at in reversals if at > now - DAY), now)[-KEPT:]
