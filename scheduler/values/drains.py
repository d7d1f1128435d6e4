"""What operators move away from, how fast, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from moorage.ids import GatewayId, WorkerId


class DrainKind(Enum):
    """What is emptied."""

    WORKER = "worker"
    GATEWAY = "gateway"
    POOL = "pool"
    REGION = "region"


class DrainState(Enum):
    """Where a drain is in its life."""

    WAITING = "waiting"  # nothing new; sessions end or leave by themselves until the deadline
    MOVING = "moving"  # the deadline has passed: those left are told to reconnect, at the rate
    DONE = "done"  # nothing is left there; what was emptied stays so until the drain is cancelled
    CANCELLED = "cancelled"  # undone, once `ended_at` is written: what was drained takes sessions again


@dataclass(frozen=True, slots=True)
class DrainPlan:
    """One drain, as ordered and as it stands."""

    id: str
    kind: DrainKind
    worker: WorkerId | None  # of a worker,
    gateway: GatewayId | None  # a gateway,
    region: str  # a region, or a pool
    pool: str  # of that region
    deadline: float
    rate_per_second: float
    reason: str
    by: str  # whose API key
    started_at: float
    state: DrainState = DrainState.WAITING
    sessions_at_start: int = 0
    sessions_left: int = 0
    sessions_told: int = 0
    ended_at: float | None = None
