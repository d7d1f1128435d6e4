"""What a pool should be, and why: the answer of `decide`, kept as a record and carried out by autoscaler.io.

The order in which it is carried out is part of its meaning: uncordon, then replicas upwards, then cordon, then for each
removal retire and, only where that succeeded, remove exactly that member and lower replicas by one.
"""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.observation import Freeze
from moorage.ids import WorkerId


@dataclass(frozen=True, slots=True)
class Candidate:
    """One answer to "how many workers": the largest wins, then limits apply."""

    source: str  # "registry", "trend", "forecast", "minimum", "schedule:<name>", "rule:<name>", "request:<id>", …
    workers: int
    detail: str  # the sum, in words: "93 sessions + 12 free of 8 slots"


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that changed the winner."""

    name: str  # "maximum", "hold", "window", "frozen:rollout", "step"
    workers: int  # what it was changed to
    detail: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """A freeze in force."""

    freeze: Freeze
    detail: str


@dataclass(frozen=True, slots=True)
class Removal:
    """An empty worker that goes, and the member that is it."""

    worker: WorkerId
    member: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now. Nothing to do: `replicas` equals what the target has and the lists are empty."""

    region: str
    pool: str
    at: float
    desired: int  # workers that should serve
    replicas: int  # what the target is raised to; lowering happens with `retire` only
    uncordon: tuple[WorkerId, ...] = ()
    cordon: tuple[WorkerId, ...] = ()
    retire: tuple[Removal, ...] = ()
    winner: str = ""  # the source of the winning candidate
    reason: str = ""  # one sentence for people
    candidates: tuple[Candidate, ...] = ()
    limits: tuple[Limit, ...] = ()
    frozen: tuple[Frozen, ...] = ()
    sessions: int = 0  # the demand it was made for: live ones on workers that serve, and those that wait
    serving: int = 0
    starting: int = 0
    draining: int = 0
    free_slots: int = 0
    lead_seconds: float = 0.0  # from raising replicas to a worker that serves, as measured
