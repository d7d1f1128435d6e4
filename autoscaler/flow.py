"""How restlessly demand moves: its variance (what a buffer must cover) and its trend (what is coming)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import ceil, erfc, exp, sqrt

MEMORY = 1800.0  # seconds over which the variance is averaged
TYPICAL_SESSION = 600.0  # seconds; before anything was measured, sessions are taken to last so long
TREND_SPAN = 60.0
CERTAIN = 3.0  # sigmas: noise goes so far once in an hour of looks
DRIFT_MINUTES = 20  # as long as two typical sessions: shorter ones see the noise of single sessions
FEW = 20.0  # arrivals; above it a Poisson count is near enough to normal
FEW_SIGMAS = 1.1  # more of the Poisson count
FEW_SLOTS = 3.0  # more of the normal one, where nobody comes;
FEW_FADE = 4.0  # half of them where so many come


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


def rise(looks: Sequence[tuple[float, float]], spread: float, ahead: float) -> float:
    """Sessions more that a trend brings within `ahead` seconds. A rise that noise cannot be (three sigmas less) goes on
    for as long as it has lasted, up to a minute: a step is overshot by what it was, a crowd is met where it will be."""
    if not looks:
        return 0.0
    now, demand = looks[-1]
    most = 0.0
    for at, before in looks:
        span = now - at
        if 0.0 < span <= TREND_SPAN:
            certain = demand - before - CERTAIN * sqrt(spread * span) - 1.0
            most = max(most, certain / span * min(span, ahead))
    return most


def fastest(looks: Sequence[tuple[float, float]]) -> float:
    """Sessions a second by which demand grew between two looks, lately."""
    return max(
        ((after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(looks) if after[0] > before[0]),
        default=0.0,
    )


def quantile(spread: float, seconds: float, sigmas: float, rate: float = 0.0) -> int:
    """Slots that so many sigmas of net arrivals within so many seconds need: the smaller of two upper bounds, Poisson
    of the arrivals alone (few come: nobody leaves in time) and normal of arrivals less departures (many). One who is
    refused is a larger part of few than of many: the fewer come, the surer it is. `rate`: arrivals a second where more is
    known of them than that they are half of all changes."""
    mean = max(spread / 2.0, rate) * seconds
    if mean > FEW:
        return ceil(sigmas * sqrt(2.0 * mean))
    surer = FEW_SLOTS / (1.0 + mean / FEW_FADE)
    return min(ceil(sigmas * sqrt(2.0 * mean) + surer), _poisson(round(mean, 1), sigmas + FEW_SIGMAS))


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


def drift(minutes: Sequence[tuple[float, float]]) -> float:
    """Sessions a second by which demand has risen or fallen lately: the last twenty minutes against the twenty before."""
    if len(minutes) < 2 * DRIFT_MINUTES:
        return 0.0
    late = sum(value for _, value in minutes[-DRIFT_MINUTES:])
    early = sum(value for _, value in minutes[-2 * DRIFT_MINUTES : -DRIFT_MINUTES])
    return (late - early) / DRIFT_MINUTES / (DRIFT_MINUTES * 60.0)
