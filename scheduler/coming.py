"""Workers that do not exist yet: which waits a pool that is scaled makes worth while, and when they may end.

A pool's autoscaler says what it sees of it; while that is fresh and the pool may have workers at all, a session that they
could serve waits although none is there. Knows nothing of how a pool grows.
"""

from __future__ import annotations

from collections.abc import Iterable

from scheduler.placement import meets
from scheduler.values import PoolStatus, Wanted

STATUS_KEPT_SECONDS = 86_400.0  # a pool that nobody scales any more can be read so long


def can_come(status: PoolStatus, now: float) -> bool:
    """Whether workers of this pool are to be hoped for."""
    return now < status.until and status.maximum > 0


def eta_seconds(statuses: Iterable[PoolStatus]) -> float | None:
    """How long the first of these pools that grows takes for it; None where none does."""
    return min((status.lead_seconds for status in statuses if status.desired > status.serving), default=None)


class Coming:
    """The statuses of all pools, as last published."""

    __slots__ = ("_hopeful", "_statuses")

    def __init__(self) -> None:
        self._statuses: dict[tuple[str, str], PoolStatus] = {}
        self._hopeful: set[tuple[str, str]] = set()  # those that had workers to come when last looked at

    def publish(self, status: PoolStatus, now: float) -> None:
        """In the place of the one before. Waiters may have lost their hope by it."""
        place = (status.region, status.pool)
        self._statuses[place] = status
        self._look_at(place, now)

    def let_pass(self, now: float) -> bool:
        """Forgets those long past. Whether waiters may have lost their hope since."""
        has_lapsed = [self._look_at(place, now) for place in list(self._hopeful)]
        for place, status in list(self._statuses.items()):
            if now >= status.until + STATUS_KEPT_SECONDS:
                del self._statuses[place]
        return any(has_lapsed)

    def all(self, now: float) -> list[PoolStatus]:
        """By region and pool."""
        kept = [place for place, status in self._statuses.items() if now < status.until + STATUS_KEPT_SECONDS]
        return [self._statuses[place] for place in sorted(kept)]

    def serving(self, wanted: Wanted, now: float) -> list[PoolStatus]:
        """Pools whose workers to come could serve this, in the order of the regions wanted, then by region and pool."""
        if not self._hopeful:
            return []
        hopeful = [self._statuses[place] for place in sorted(self._hopeful)]
        found = [status for status in hopeful if can_come(status, now) and meets(status, wanted)]
        if wanted.regions:
            found.sort(key=lambda status: wanted.regions.index(status.region))
        return found

    def hopeful(self, now: float) -> list[tuple[str, str]]:
        """Regions and pools of all that may have workers."""
        return sorted(place for place in self._hopeful if can_come(self._statuses[place], now))

    def _look_at(self, place: tuple[str, str], now: float) -> bool:
        if can_come(self._statuses[place], now):
            self._hopeful.add(place)
            return False
        if place not in self._hopeful:
            return False
        self._hopeful.discard(place)
        return True
