"""Who of several candidates leads: the rule, on each candidate's own monotonic clock.

A Lease (coordination.k8s.io/v1) names its holder. Wall clocks are written into it for people and never compared: a candidate
waits until it has seen the same Lease unchanged for the whole duration, on its own clock. A leader counts from before it
sent its last renewal that was answered, and stops `renew_deadline` later without asking anybody: it never leads while the
API server hangs. This is no fence: what it writes is a compare-and-swap as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class Terms:
    """Their order is what makes two leaders impossible but for a stopped process.

    >>> Terms(write_seconds=6.0)
    Traceback (most recent call last):
    ValueError: retry 2.0 + write 6.0 <= renew_deadline 10.0 and renew_deadline 10.0 + write 6.0 <= duration 15.0 must hold
    """

    duration: float = 15.0  # unchanged for so long, a Lease is free
    renew_deadline: float = 10.0  # after the last renewal a leader stops by itself
    retry: float = 2.0  # between two renewals, or two looks
    write_seconds: float = 5.0  # deadline of any call: one begun while leading has ended before another leads

    def __post_init__(self) -> None:
        renews = self.retry > 0 and self.retry + self.write_seconds <= self.renew_deadline
        if not renews or self.renew_deadline + self.write_seconds > self.duration:
            raise ValueError(
                f"retry {self.retry} + write {self.write_seconds} <= renew_deadline {self.renew_deadline}"
                f" and renew_deadline {self.renew_deadline} + write {self.write_seconds} <= duration {self.duration} must hold"
            )


@dataclass(frozen=True, slots=True)
class LeaseSeen:
    """What a Lease said."""

    holder: str  # "": free
    duration: float
    version: str  # resourceVersion; changes with every write
    renewed: str
    acquired: str
    transitions: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A Lease, and since when it has been like this, on the watcher's clock."""

    seen: LeaseSeen | None  # None: there is none
    since: float


class Move(Enum):
    """What a candidate does next."""

    CREATE = "create"
    TAKE = "take"
    RENEW = "renew"
    WAIT = "wait"


def lease_of(document: Mapping[str, Any]) -> LeaseSeen:
    """From its JSON."""
    spec = document.get("spec") or {}
    return LeaseSeen(
        holder=str(spec.get("holderIdentity") or ""),
        duration=float(spec.get("leaseDurationSeconds") or 0),
        version=str(document["metadata"]["resourceVersion"]),
        renewed=str(spec.get("renewTime") or ""),
        acquired=str(spec.get("acquireTime") or ""),
        transitions=int(spec.get("leaseTransitions") or 0),
    )


def watched(before: Watched | None, seen: LeaseSeen | None, now: float) -> Watched:
    """`since` moves only when the Lease did."""
    if before is not None and before.seen == seen:
        return before
    return Watched(seen, now)


def move(me: str, at: Watched, now: float) -> Move:
    """`now` on the clock of `at.since`."""
    if at.seen is None:
        return Move.CREATE
    if at.seen.holder == me:
        return Move.RENEW
    if not at.seen.holder or now - at.since > at.seen.duration:
        return Move.TAKE
    return Move.WAIT


def holding(name: str, me: str, terms: Terms, before: LeaseSeen | None, wall: float) -> dict[str, Any]:
    """The document that says `me`. Replaces exactly `before`, or is new."""
    stamp = micro_time(wall)
    is_mine = before is not None and before.holder == me
    spec: dict[str, Any] = {
        "holderIdentity": me,
        "leaseDurationSeconds": round(terms.duration),
        "acquireTime": before.acquired if is_mine and before is not None and before.acquired else stamp,
        "renewTime": stamp,
        "leaseTransitions": 0 if before is None else before.transitions + (not is_mine),
    }
    return _document(name, spec, before)


def released(name: str, before: LeaseSeen, wall: float) -> dict[str, Any]:
    """The document that says nobody: the next candidate need not wait."""
    spec = {
        "holderIdentity": "",
        "leaseDurationSeconds": 1,
        "renewTime": micro_time(wall),
        "leaseTransitions": before.transitions,
    }
    return _document(name, spec, before)


def micro_time(wall: float) -> str:
    """As a MicroTime is written.

    >>> micro_time(0.25)
    '1970-01-01T00:00:00.250000Z'
    """
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _document(name: str, spec: dict[str, Any], before: LeaseSeen | None) -> dict[str, Any]:
    meta = {"name": name} if before is None else {"name": name, "resourceVersion": before.version}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}
