"""What was done to a pool's replicas and when: bursts of raises, and reversals, of which a day has a budget."""

from __future__ import annotations

from dataclasses import dataclass, replace

REVERSAL = 900.0  # replicas lowered and raised, or raised and lowered, within so long
BURST = 600.0  # raises that follow each other within so long belong together
DAY = 86_400.0
KEPT = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """The last writes, whoever made them."""

    raised_at: float | None = None
    lowered_at: float | None = None
    burst: int = 0  # raises in a row, each within BURST of the one before
    reversals: tuple[float, ...] = ()  # of the last day


def after_raise(pace: Pace, now: float) -> Pace:
    """Replicas were raised."""
    is_reversal = _within(pace.lowered_at, now, REVERSAL) and (pace.raised_at or 0.0) < (pace.lowered_at or 0.0)
    return replace(
        pace,
        raised_at=now,
        burst=pace.burst + 1 if _within(pace.raised_at, now, BURST) else 1,
        reversals=_with(pace.reversals, now) if is_reversal else pace.reversals,
    )


def after_lower(pace: Pace, now: float) -> Pace:
    """Replicas were lowered."""
    is_reversal = _within(pace.raised_at, now, REVERSAL) and (pace.lowered_at or 0.0) < (pace.raised_at or 0.0)
    return replace(pace, lowered_at=now, reversals=_with(pace.reversals, now) if is_reversal else pace.reversals)


def burst(pace: Pace, now: float) -> int:
    """Raises in a row until now."""
    return pace.burst if _within(pace.raised_at, now, BURST) else 0


def reversals_today(pace: Pace, now: float) -> int:
    """In the last 24 hours."""
    return sum(1 for at in pace.reversals if at > now - DAY)


def _within(at: float | None, now: float, seconds: float) -> bool:
    return at is not None and now - at <= seconds


def _with(reversals: tuple[float, ...], now: float) -> tuple[float, ...]:
    return (*(at for at in reversals if at > now - DAY), now)[-KEPT:]
