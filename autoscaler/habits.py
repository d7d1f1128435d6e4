"""How often sessions come at each time of the day: learnt from single looks, by the quarter of an hour.

A burst that comes every morning cannot be seen in the minutes before it. What is learnt here only makes the buffer larger.
"""

from __future__ import annotations

from dataclasses import dataclass

QUARTER = 900.0
QUARTERS = 96  # of a day
NEWEST = 0.4  # weight of a day among those before it
GAP = 60.0  # seconds between two looks that still tell of one quarter
AROUND = 300.0  # seconds by which a burst is early or late


@dataclass(frozen=True, slots=True)
class Habits:
    """Arrivals a second of each quarter of the day (UTC). Arrivals that a departure hides between two looks are not seen."""

    rates: tuple[float, ...] = ()  # empty, or one for each quarter; below 0: not known yet
    quarter: float = 0.0  # when the present one began, as Unix seconds
    watched: float = 0.0  # seconds of it
    came: float = 0.0  # sessions in it

    def with_change(self, now: float, change: float, seconds: float) -> Habits:
        """Demand changed so much in the last `seconds`."""
        begun = now - now % QUARTER
        if not 0.0 < seconds <= GAP:
            return self
        if begun == self.quarter:
            return Habits(self.rates, begun, self.watched + seconds, self.came + max(0.0, change))
        return Habits(self._learnt(), begun, seconds, max(0.0, change))

    def rate(self, since: float, until: float) -> float:
        """The highest of the quarters that these two times lie in, give or take `AROUND`; 0 where nothing is known."""
        if not self.rates:
            return 0.0
        first, last = int((since - AROUND) // QUARTER), int((until + AROUND) // QUARTER)
        return max(0.0, *(self.rates[quarter % QUARTERS] for quarter in range(first, last + 1)))

    def _learnt(self) -> tuple[float, ...]:
        """A quarter of which less than half was watched says nothing."""
        if self.watched < QUARTER / 2.0:
            return self.rates
        at, seen = int(self.quarter // QUARTER) % QUARTERS, self.came / self.watched
        rates = self.rates or (-1.0,) * QUARTERS
        usual = rates[at] + NEWEST * (seen - rates[at]) if rates[at] >= 0.0 else seen
        return (*rates[:at], usual, *rates[at + 1 :])
