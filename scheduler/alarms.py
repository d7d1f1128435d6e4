"""Deadlines of many things in buckets of time, so that a sweep looks only at what may be due.

An alarm is a hint: it rings no later than the sweep after its time, perhaps earlier, and whoever owns the item compares
its real deadline and sets the alarm again. Moving a deadline to later therefore costs nothing, and dropping one is
exact, so that an ended session leaves nothing behind.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

GRAIN = 0.25  # a sweep's pace
HORIZON_TICKS = 256  # farther deadlines ring once in 64 s on their way: few buckets, each well filled
UNSET = -1


class Timed(Protocol):
    """Anything with a slot for the bucket it is in; UNSET at first."""

    tick: int


T = TypeVar("T", bound=Timed)


class Alarms(Generic[T]):
    """At most one alarm for each item."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets: dict[int, dict[T, None]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def set(self, item: T, due: float, now: float) -> None:
        """Rings at the first sweep from `due` on; an earlier alarm of the same item stays."""
        tick = int(due / GRAIN)
        horizon = int(now / GRAIN) + HORIZON_TICKS
        if tick > horizon:
            tick = horizon
        if item.tick != UNSET:
            if item.tick <= tick:
                return
            self.drop(item)
        item.tick = tick
        bucket = self._buckets.get(tick)
        if bucket is None:
            self._buckets[tick] = {item: None}
        else:
            bucket[item] = None

    def drop(self, item: T) -> None:
        """The item rings no more."""
        bucket = self._buckets.get(item.tick)
        item.tick = UNSET
        if bucket is not None:
            bucket.pop(item, None)

    def ring(self, now: float) -> list[T]:
        """What may be due, in the order of time; each one's alarm is unset."""
        limit = int(now / GRAIN)
        rung: list[T] = []
        for tick in sorted(tick for tick in self._buckets if tick <= limit):
            rung.extend(self._buckets.pop(tick))
        for item in rung:
            item.tick = UNSET
        return rung
