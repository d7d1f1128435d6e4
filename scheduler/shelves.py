"""Workers sorted by their free slots: found, added and removed in a time that does not grow with their number.

Workers of one region, pool and label set form a group. A group has three shelves (empty; in use below the soft cap; in
use at or above it), a shelf has a bucket for each number of free slots, and two levels of bits find the fullest or the
emptiest bucket. Which of them is taken is decided in placement.py.
"""

from __future__ import annotations

from scheduler.values import Labels

EMPTY, BELOW, ABOVE = 0, 1, 2  # a group's shelves
WORD_BITS = 6  # 64 buckets share one word of bits: 100,000 different counts need 1563 words and one summary of them


class Spot:
    """One worker's place in the index. `used` counts taken slots, whether or not it is open for more."""

    __slots__ = ("free", "group", "is_open", "labels", "place", "pool", "region", "shelf", "slots", "soft", "used")

    def __init__(self, region: str, pool: str, labels: Labels, slots: int) -> None:
        self.region = region
        self.pool = pool
        self.labels = labels
        self.slots = slots
        self.used = 0
        self.free = slots
        self.soft = 0.0  # slots x soft cap, set by the index
        self.is_open = False
        self.group: Group | None = None
        self.shelf: Shelf | None = None
        self.place = 0  # position within its bucket


class Shelf:
    """Spots by their number of free slots (at least one)."""

    __slots__ = ("_buckets", "_words", "summary")

    def __init__(self) -> None:
        self._buckets: dict[int, list[Spot]] = {}
        self._words: dict[int, int] = {}
        self.summary = 0  # a bit for each word that is not zero; 0 is an empty shelf

    def put(self, spot: Spot) -> None:
        """Adds a spot under its free slots."""
        free = spot.free
        spot.shelf = self
        bucket = self._buckets.get(free)
        if bucket:
            spot.place = len(bucket)
            bucket.append(spot)
            return
        spot.place = 0
        if bucket is None:
            self._buckets[free] = [spot]
        else:
            bucket.append(spot)
        high = free >> WORD_BITS
        self._words[high] = self._words.get(high, 0) | 1 << (free & 63)
        self.summary |= 1 << high

    def pick_out(self, spot: Spot) -> None:
        """Removes a spot; the bucket's last one takes its place."""
        free = spot.free
        spot.shelf = None
        bucket = self._buckets[free]
        last = bucket.pop()
        if last is not spot:
            bucket[spot.place] = last
            last.place = spot.place
        if bucket:
            return
        high = free >> WORD_BITS
        word = self._words[high] & ~(1 << (free & 63))
        self._words[high] = word
        if not word:
            self.summary &= ~(1 << high)

    def fullest(self) -> list[Spot]:
        """The bucket with the fewest free slots. The shelf is not empty."""
        summary = self.summary
        high = (summary & -summary).bit_length() - 1
        word = self._words[high]
        return self._buckets[high << WORD_BITS | (word & -word).bit_length() - 1]

    def emptiest(self) -> list[Spot]:
        """The bucket with the most free slots. The shelf is not empty."""
        high = self.summary.bit_length() - 1
        return self._buckets[high << WORD_BITS | self._words[high].bit_length() - 1]


class Group:
    """Workers that no requirement can tell apart."""

    __slots__ = ("labels", "members", "pool", "region", "shelves")

    def __init__(self, region: str, pool: str, labels: Labels) -> None:
        self.region = region
        self.pool = pool
        self.labels = labels
        self.members = 0
        self.shelves = (Shelf(), Shelf(), Shelf())
