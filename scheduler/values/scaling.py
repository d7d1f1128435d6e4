"""What operators wish for a pool, and what its autoscaler says of it: the scaling part of the board."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from scheduler.values.workers import Labels


class ScaleAction(Enum):
    """What an operator may ask of a pool."""

    SCALE_UP = "scale_up"  # so many more than there are: a floor
    SCALE_DOWN = "scale_down"  # so many fewer: a ceiling
    SET = "set"  # exactly so many: floor and ceiling
    HOLD = "hold"  # as many as now, whatever comes
    RELEASE = "release"  # forget the requests of this pool; never kept itself


@dataclass(frozen=True, slots=True)
class ScaleRequest:
    """One wish, until it expires or is released. `workers` was resolved when it was accepted."""

    id: str
    action: ScaleAction
    region: str
    pool: str
    workers: int  # the floor, the ceiling, or both
    delta_workers: int | None  # as it was asked
    reason: str
    by: str  # whose API key
    created_at: float
    expires_at: float

    @property
    def floor(self) -> int | None:
        """No fewer than this."""
        return None if self.action is ScaleAction.SCALE_DOWN else self.workers

    @property
    def ceiling(self) -> int | None:
        """No more than this."""
        return None if self.action is ScaleAction.SCALE_UP else self.workers


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """A pool as its autoscaler sees it; while it is fresh, sessions may wait for workers that do not exist yet."""

    region: str
    pool: str
    target: str  # "kubernetes", "local"
    minimum: int
    maximum: int
    slots_per_worker: int
    labels: Labels  # those of every worker that will come
    desired: int
    serving: int
    starting: int
    draining: int
    lead_seconds: float  # from a decision to a worker that serves, as measured
    frozen: tuple[str, ...]  # why nothing is changed, or only upwards
    at: float
    until: float  # later nobody scales this pool


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision as it is kept: JSON in UTF-8, docs/autoscaler.md has its fields."""

    region: str
    pool: str
    at: float
    is_change: bool  # replicas, a cordon or a removal was written
    document: bytes
