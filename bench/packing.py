"""Plays claims again in the order in which the store made them, and counts what must never happen. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Taken:
    """One slot, from its claim to its end; times of the store's clock in seconds, `until` None where it was kept."""

    worker: str
    since: float
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """What the replay found."""

    over_grants: int  # claims of a worker whose slots were all taken
    mis_packs: int  # an empty worker opened while a non-empty one had room
    most_open: int  # workers in use at once


def replay(taken: Iterable[Taken], slots: Mapping[str, int]) -> Packed:
    """An end and a claim at the same instant: the end came first, or the claim would have had no slot."""
    acts: list[tuple[float, int, str]] = []
    for one in taken:
        acts.append((one.since, 1, one.worker))
        if one.until is not None:
            acts.append((one.until, 0, one.worker))
    used: Counter[str] = Counter()
    over_grants = mis_packs = most_open = 0
    for _, is_claim, worker in sorted(acts):
        if not is_claim:
            used[worker] -= 1
            continue
        over_grants += used[worker] >= slots[worker]
        mis_packs += not used[worker] and any(0 < count < slots[other] for other, count in used.items())
        used[worker] += 1
        most_open = max(most_open, sum(count > 0 for count in used.values()))
    return Packed(over_grants, mis_packs, most_open)
