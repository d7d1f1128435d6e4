"""A signal's past in three grains: each look for two minutes, the maximum of each minute for an hour and of each ten
minutes for a day and a half. Bounded, and a value: adding to it makes another."""

from __future__ import annotations

from dataclasses import dataclass

LOOKS = 120.0  # seconds of single looks: what a trend is read from
MINUTES = 60
TENS = 216  # ten minutes each

Sample = tuple[float, float]  # when, how much


@dataclass(frozen=True, slots=True)
class History:
    """Oldest first. A grain's time is where its span begins."""

    looks: tuple[Sample, ...] = ()
    minutes: tuple[Sample, ...] = ()
    tens: tuple[Sample, ...] = ()

    def with_look(self, at: float, value: float) -> History:
        """One more look, not before the last one."""
        kept = 0
        for time, _ in self.looks:
            if time > at - LOOKS:
                break
            kept += 1
        looks = (*self.looks[kept:], (at, value))
        return History(
            looks, _in_grain(self.minutes, at, value, 60.0, MINUTES), _in_grain(self.tens, at, value, 600.0, TENS)
        )

    def maximum(self, since: float, falling: float = 0.0) -> float:
        """The highest since then, to the grain's precision: never less than it was, now and then a little more. 0 of nothing.
        Each value counts as less by what it would have fallen until now at `falling` (not above 0) a second."""
        if self.looks and since >= self.looks[0][0]:
            before = [value for at, value in self.looks if at <= since]
            return max([value for at, value in self.looks if at > since] + before[-1:])
        if self.minutes and since >= self.minutes[0][0]:
            span, grain = 60.0, self.minutes
        else:
            span, grain = 600.0, self.tens
        highest, last = 0.0, grain[-1][0] if grain else 0.0
        for begun, value in reversed(grain):
            if begun + span <= since:
                break
            highest = max(highest, value + falling * (last - begun))
        return highest

    def level_for(self, part: float) -> float:
        """Seconds for which each ten minutes' maximum has been within `part` of what it is lately."""
        if len(self.tens) < 3:
            return 0.0
        level = sum(value for _, value in self.tens[-3:]) / 3.0
        least, most = level * (1.0 - part), level * (1.0 + part)
        since = self.tens[-1][0]
        for begun, value in reversed(self.tens):
            if not least <= value <= most:
                break
            since = begun
        return self.tens[-1][0] - since

    @property
    def last(self) -> float | None:
        """The newest look's value."""
        return self.looks[-1][1] if self.looks else None


def _in_grain(grain: tuple[Sample, ...], at: float, value: float, span: float, most: int) -> tuple[Sample, ...]:
    begun = at - at % span
    if not grain or grain[-1][0] < begun:
        return (*grain[1 - most :], (begun, value))
    if grain[-1][1] >= value:
        return grain
    return (*grain[:-1], (begun, value))
