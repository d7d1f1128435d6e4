"""What this hour of the day usually brings: demand by the quarter of an hour over the last week.

A forecast only raises, and only while it has been better than "as many as now" over the last day.
"""

from __future__ import annotations

from dataclasses import dataclass

QUARTER = 900.0
WEEK = 672  # quarters
DAY = 96
LAPSE = 0.25  # how far the typical error may be from what happened


@dataclass(frozen=True, slots=True)
class Seasons:
    """Highest demand of each quarter of an hour since `begun`, oldest first, and how wrong the forecast was."""

    begun: float = 0.0  # of the first quarter
    quarters: tuple[float, ...] = ()
    error: float | None = None  # mean distance of what was forecast from what came, as a part of it; None: never tried


def with_demand(seasons: Seasons, now: float, demand: float) -> Seasons:
    """One more look."""
    quarter = now - now % QUARTER
    if not seasons.quarters:
        return Seasons(quarter, (demand,), seasons.error)
    index = round((quarter - seasons.begun) / QUARTER)
    have = len(seasons.quarters)
    if index < have:
        if demand <= seasons.quarters[-1]:
            return seasons
        return Seasons(seasons.begun, (*seasons.quarters[:-1], demand), seasons.error)
    if index > have + 4:  # nobody watched for over an hour: what was before cannot be placed
        return Seasons(quarter, (demand,), None)
    judged = _judged(seasons)
    quarters = (*seasons.quarters, *([seasons.quarters[-1]] * (index - have)), demand)
    surplus = max(0, len(quarters) - WEEK - DAY)
    return Seasons(seasons.begun + surplus * QUARTER, quarters[surplus:], judged)


def forecast(seasons: Seasons, now: float, ahead: float) -> float | None:
    """The highest demand to expect between now and `ahead` seconds from now; None while it cannot be trusted."""
    if seasons.error is None or seasons.error > LAPSE:
        return None
    at = round((now - now % QUARTER - seasons.begun) / QUARTER)
    until = int((now + ahead - seasons.begun) // QUARTER)
    expected = [value for index in range(at, until + 1) if (value := _usual(seasons, index)) is not None]
    return max(expected, default=None)


def _usual(seasons: Seasons, index: int) -> float | None:
    """As a week ago where that is known, else as a day ago."""
    for back in (WEEK, DAY):
        if 0 <= index - back < len(seasons.quarters):
            return seasons.quarters[index - back]
    return None


def _judged(seasons: Seasons) -> float | None:
    last = len(seasons.quarters) - 1
    expected = _usual(seasons, last)
    if expected is None:
        return seasons.error
    came = seasons.quarters[last]
    error = abs(expected - came) / max(came, expected, 1.0)
    return error if seasons.error is None else seasons.error + (error - seasons.error) / DAY
