"""Which worker gets a session: an index of free slots that chooses and takes in a time that does not grow with the fleet.

Pack: the fullest worker in use below the soft cap, then the fullest in use below its slots, then an empty one. Spread:
the emptiest. "Full" is by the number of free slots. Regions are an order, pools a set, labels must all be there. Knows
nothing of sessions' lives, leases or queues: whoever opens and closes spots does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from zlib import crc32

from scheduler.shelves import ABOVE, BELOW, EMPTY, Group, Spot
from scheduler.values import Labels, Wanted

PLANS = 4096  # remembered requirements; all are forgotten together beyond it
TIE_WINDOW = 16  # among how many of equal room the session's hash decides; all of 100,000 would be cold memory
_PACK_ORDER = (BELOW, ABOVE, EMPTY)


@dataclass(slots=True, eq=False)
class Plan:
    """A requirement and the groups that meet it, in order of preference; refreshed when groups come or go."""

    wanted: Wanted
    version: int
    tiers: tuple[tuple[Group, ...], ...]


S = TypeVar("S", bound=Spot)


class Index(Generic[S]):
    """The free slots of a fleet."""

    def __init__(self, soft_cap: float = 0.9) -> None:
        self._soft_cap = soft_cap
        self._groups: dict[tuple[str, str, Labels], Group] = {}
        self._plans: dict[tuple[object, ...], Plan] = {}
        self._version = 0

    def add(self, spot: S) -> None:
        """A worker that can be matched, closed at first. `used` is kept: it may come back with sessions."""
        key = (spot.region, spot.pool, spot.labels)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(*key)
            self._version += 1
        group.members += 1
        spot.group = group
        spot.soft = spot.slots * self._soft_cap
        spot.free = spot.slots - spot.used

    def remove(self, spot: S) -> None:
        """No requirement finds it any more; its taken slots can still be given back. Done already is no error."""
        self.close(spot)
        group = spot.group
        if group is None:
            return
        spot.group = None
        group.members -= 1
        if not group.members:
            del self._groups[group.region, group.pool, group.labels]
            self._version += 1

    def open(self, spot: S) -> None:
        """Its free slots may be chosen."""
        if not spot.is_open and spot.group is not None:
            spot.is_open = True
            self._shelve(spot)

    def close(self, spot: S) -> None:
        """Nothing new; what it has stays counted."""
        spot.is_open = False
        if spot.shelf is not None:
            spot.shelf.pick_out(spot)

    def take(self, spot: S) -> None:
        """One more slot in use. Raises ValueError when there is none: the index never over-grants."""
        free = spot.free
        if free <= 0:
            raise ValueError(f"all {spot.slots} slots are taken")
        shelf = spot.shelf
        if shelf is not None:
            shelf.pick_out(spot)
        spot.used = used = spot.used + 1
        spot.free = free - 1
        if free > 1 and shelf is not None:
            shelves = spot.group.shelves  # type: ignore[union-attr]  # what is on a shelf is in a group
            (shelves[BELOW] if used < spot.soft else shelves[ABOVE]).put(spot)

    def give(self, spot: S) -> None:
        """One slot fewer in use."""
        if spot.shelf is not None:
            spot.shelf.pick_out(spot)
        spot.used -= 1
        spot.free += 1
        if spot.is_open:
            self._shelve(spot)

    def plan(self, wanted: Wanted) -> Plan:
        """The groups that meet a requirement; the same object for the same requirement."""
        key = (wanted.regions, wanted.pools, wanted.labels, wanted.is_spread)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= PLANS:
                self._plans.clear()
            plan = self._plans[key] = Plan(wanted, -1, ())
        return plan

    def choose(self, plan: Plan, session: str) -> S | None:
        """The worker for a session, or None when no open one has a free slot. Takes nothing."""
        if plan.version != self._version:
            self._refresh(plan)
        find = _emptiest if plan.wanted.is_spread else _fullest
        for groups in plan.tiers:
            bucket = find(groups)
            if bucket is not None:
                many = len(bucket)
                # -1 is the one that was put there last: its memory is warm
                at = -1 - crc32(session.encode()) % (many if many < TIE_WINDOW else TIE_WINDOW) if many > 1 else 0
                return bucket[at]  # type: ignore[return-value]  # shelves hold what `add` took: spots of type S
        return None

    def choose_other(self, plan: Plan, session: str, tried: Iterable[S]) -> S | None:
        """As `choose`, but none of `tried`."""
        shut = [spot for spot in tried if spot.is_open]
        for spot in shut:
            self.close(spot)
        chosen = self.choose(plan, session)
        for spot in shut:
            self.open(spot)
        return chosen

    def has_match(self, plan: Plan) -> bool:
        """Whether any worker of the index, open or closed, full or not, meets the requirement."""
        if plan.version != self._version:
            self._refresh(plan)
        return bool(plan.tiers)

    def _shelve(self, spot: Spot) -> None:
        group = spot.group
        if group is None or spot.free <= 0:
            return
        used = spot.used
        group.shelves[EMPTY if not used else BELOW if used < spot.soft else ABOVE].put(spot)

    def _refresh(self, plan: Plan) -> None:
        wanted = plan.wanted
        meeting = [group for group in self._groups.values() if meets(group, wanted)]
        if not wanted.regions:
            tiers = [tuple(meeting)]
        else:
            tiers = [tuple(group for group in meeting if group.region == region) for region in wanted.regions]
        plan.tiers = tuple(tier for tier in tiers if tier)
        plan.version = self._version


class Place(Protocol):
    """Where sessions are served: a worker, a group of them, a pool that will have some."""

    @property
    def region(self) -> str: ...
    @property
    def pool(self) -> str: ...
    @property
    def labels(self) -> Labels: ...


def meets(place: Place, wanted: Wanted) -> bool:
    """Whether a worker of this region, pool and labels can serve such a session."""
    return (
        (not wanted.regions or place.region in wanted.regions)
        and (not wanted.pools or place.pool in wanted.pools)
        and wanted.labels <= place.labels
    )


def _fullest(groups: tuple[Group, ...]) -> list[Spot] | None:
    if len(groups) == 1:
        empty, below, above = groups[0].shelves
        shelf = below if below.summary else above if above.summary else empty
        return shelf.fullest() if shelf.summary else None
    best: list[Spot] | None = None
    for level in _PACK_ORDER:
        for group in groups:
            shelf = group.shelves[level]
            if shelf.summary:
                bucket = shelf.fullest()
                if best is None or bucket[0].free < best[0].free:
                    best = bucket
        if best is not None:
            return best
    return None


def _emptiest(groups: tuple[Group, ...]) -> list[Spot] | None:
    best: list[Spot] | None = None
    for group in groups:
        for shelf in group.shelves:
            if shelf.summary:
                bucket = shelf.emptiest()
                if best is None or bucket[0].free > best[0].free:
                    best = bucket
    return best
