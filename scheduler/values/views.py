"""What a reader sees of the fleet."""

from __future__ import annotations

from dataclasses import dataclass

from moorage.ids import GatewayId, SessionId, WorkerId
from scheduler.values.ends import Usage
from scheduler.values.states import ClaimState, WorkerState
from scheduler.values.workers import DrainProgress, Kubernetes, Labels


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One worker, as shown to people and programs."""

    worker: WorkerId
    name: str
    region: str
    pool: str
    address: str
    slots: int
    state: WorkerState
    labels: Labels
    version: str
    reserved: int
    held: int
    suspended: int
    load: float
    joined_at: float
    beat_at: float
    kubernetes: Kubernetes | None
    drain: DrainProgress | None
    came: int = 0  # sessions given a slot here since it registered, those that moved here included; only grows

    @property
    def used(self) -> int:
        """Slots that are not free."""
        return self.reserved + self.held + self.suspended


@dataclass(frozen=True, slots=True)
class SessionView:
    """One live session."""

    session: SessionId
    state: ClaimState
    worker: WorkerId
    gateway: GatewayId | None
    region: str
    pool: str
    fence: int
    started_at: float | None  # first confirmed
    expires_at: float
    usage: Usage
    held_seconds: float


@dataclass(frozen=True, slots=True)
class GatewayView:
    """One gateway."""

    gateway: GatewayId
    node: str  # the address clients connect to; "" while only an adoption told of it
    sessions: int  # attached through it, or about to be
    is_cordoned: bool
    is_live: bool  # its lease runs


@dataclass(frozen=True, slots=True)
class QueueView:
    """One waiter's place."""

    session: SessionId
    position: int
    eta_seconds: float | None
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool's room. `free` counts serving workers only."""

    region: str
    pool: str
    workers: int
    slots: int
    used: int
    free: int
    waiting: int
