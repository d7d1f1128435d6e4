"""How restlessly demand moves: its variance (what a buffer must cover) and its trend (what is coming)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, erfc, exp, sqrt

MEMORY = 1800.0  # seconds over which the variance is averaged
TYPICAL_SESSION = 600.0  # seconds; before anything was measured, sessions are taken to last so long
TREND_LOOKS = 3  # fewer tell nothing
TREND_SPAN = 60.0
FEW = 20.0  # events; above it a Poisson count is near enough to normal


def spread_at_first(sessions: float) -> float:
    """Before any change was seen: arrivals and departures of sessions of a typical length."""
    return 2.0 * sessions / TYPICAL_SESSION


def spread_after(spread: float, change: float, seconds: float) -> float:
    """The variance of a second's change, one look later. For arrivals and departures that come by themselves it is the
    sum of both rates. A leap counts as four sigmas at most: a crowd is a trend, not noise."""
    if seconds <= 0:
        return spread
    bound = 16.0 * spread * seconds + 16.0
    weight = min(1.0, seconds / MEMORY)
    return spread + weight * (min(change * change, bound) / seconds - spread)


def trend(looks: Sequence[tuple[float, float]], spread: float) -> float:
    """Sessions a second by which demand certainly rises: the slope of the last minute less two of its errors; 0 where
    it falls or where noise could be it."""
    latest = looks[-1][0] if looks else 0.0
    recent = [look for look in looks if look[0] >= latest - TREND_SPAN]
    best = 0.0
    for first in (
        (recent[0], recent[max(0, len(recent) - 1 - TREND_LOOKS)]) if len(recent) > TREND_LOOKS else recent[:1]
    ):
        span = latest - first[0]
        if span > 0:
            best = max(best, (recent[-1][1] - first[1] - 3.0 * sqrt(spread * span) - 1.0) / span)
    return best


def quantile(spread: float, seconds: float, sigmas: float) -> int:
    """Slots that so many sigmas of net arrivals within so many seconds need: the smaller of two upper bounds, Poisson
    of the arrivals alone (few come: nobody leaves in time) and normal of arrivals less departures (many)."""
    events = spread * seconds
    normal = ceil(sigmas * sqrt(events))
    return min(normal, _poisson(round(events / 2, 1), sigmas)) if events / 2 <= FEW else normal


@lru_cache(maxsize=4096)
def _poisson(mean: float, sigmas: float) -> int:
    beyond = erfc(sigmas / sqrt(2.0)) / 2.0
    term = exp(-mean)
    count, below = 0, term
    while 1.0 - below > beyond and count < 10 * FEW:
        count += 1
        term *= mean / count
        below += term
    return count
