"""What the memory store keeps of workers, sessions and gateways: mutable, slotted, without timers of their own.

A held session with its ids and its places in the tables stays near 1 KB; tests/scheduler/io hold it to that.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from sys import intern

from moorage.ids import GatewayId, RequestId, SessionId, WorkerId, WorkspaceId
from scheduler.alarms import UNSET
from scheduler.placement import Plan
from scheduler.shelves import Spot
from scheduler.values import (
    NO_USAGE,
    Claimed,
    ClaimRequest,
    ClaimState,
    Directive,
    Drain,
    DrainProgress,
    Registration,
    SessionView,
    Usage,
    WorkerState,
    WorkerView,
)
from scheduler.workers import Health, is_matchable, is_open, shown


@dataclass(slots=True)
class Draining:
    """A worker's drain as it runs."""

    drain: Drain
    started_at: float
    sessions_at_start: int
    moved: int = 0  # sessions that went to another worker

    def is_over(self, now: float) -> bool:
        """Whether the deadline has passed: who returns now is placed elsewhere."""
        return now >= self.drain.deadline

    def progress(self, left: int) -> DrainProgress:
        """As it stands, with so many sessions left."""
        drain = self.drain
        return DrainProgress(
            self.started_at, drain.deadline, drain.rate_per_second, self.sessions_at_start, left, self.moved
        )


class Worker(Spot):
    """One worker. `reserved` follows from the others: used - held - suspended - orphans."""

    __slots__ = (
        "address",
        "beat_at",
        "came",
        "claim_key",
        "complained_at",
        "complaints",
        "delivered",
        "directives",
        "draining",
        "duty",
        "health",
        "held",
        "id",
        "is_ready",
        "is_silent",
        "joined_at",
        "kubernetes",
        "link",
        "load",
        "name",
        "orphans",
        "seq",
        "sessions",
        "suspended",
        "tick",
        "version",
    )

    def __init__(self, id_: WorkerId, claim_key: bytes, registration: Registration, now: float) -> None:
        super().__init__(registration.region, registration.pool, registration.labels, registration.slots)
        self.id = id_
        self.claim_key = claim_key
        self.name = registration.name
        self.address = registration.address
        self.version = registration.version
        self.kubernetes = registration.kubernetes
        self.link = registration.gateway
        self.is_ready = not registration.is_starting
        self.duty = WorkerState.STARTING if registration.is_starting else WorkerState.SERVING
        self.health = Health.ALIVE
        self.load = 0.0
        self.joined_at = now
        self.beat_at = now
        self.is_silent = False  # for SUSPECT_AFTER
        self.seq = -1  # of the last heartbeat,
        self.delivered: tuple[Directive, ...] = ()  # and what it was answered, for its repetition
        self.directives: deque[Directive] = deque()
        self.sessions: dict[Session, None] = {}
        self.orphans: dict[
            SessionId, int
        ] = {}  # fences of what it may bring back after a loss of data; each has a slot
        self.held = 0
        self.suspended = 0
        self.came = 0  # sessions that were given a slot here; not what was found here after a loss of data
        self.complaints: dict[SessionId, float] = {}
        self.complained_at = 0.0
        self.draining: Draining | None = None
        self.tick = UNSET

    @property
    def should_be_open(self) -> bool:
        """Whether it may be given new sessions now."""
        return self.is_ready and is_open(self.duty, self.health)

    @property
    def is_matchable(self) -> bool:
        """Whether waiters may hope for it."""
        return is_matchable(self.duty, self.health)

    @property
    def state(self) -> WorkerState:
        """What people see."""
        return shown(self.duty, self.health)

    def view(self) -> WorkerView:
        """As shown."""
        return WorkerView(
            worker=self.id,
            name=self.name,
            region=self.region,
            pool=self.pool,
            address=self.address,
            slots=self.slots,
            state=self.state,
            labels=self.labels,
            version=self.version,
            reserved=self.used - self.held - self.suspended - len(self.orphans),
            held=self.held,
            suspended=self.suspended + len(self.orphans),
            load=self.load,
            joined_at=self.joined_at,
            beat_at=self.beat_at,
            kubernetes=self.kubernetes,
            drain=self.draining.progress(self.used) if self.draining else None,
            came=self.came,
        )


class Session:
    """One live session with its slot."""

    __slots__ = (
        "asked_until",
        "attach_usage",
        "detached_at",
        "due",
        "expires_at",
        "fence",
        "gateway",
        "held_seconds",
        "held_since",
        "id",
        "is_adopted",
        "is_displaced",
        "key",
        "lacks_usage",
        "old_fence",
        "old_owes_report",
        "old_request",
        "old_usage",
        "owes_report",
        "plan",
        "request",
        "resume_seconds",
        "seq",
        "started_at",
        "state",
        "tick",
        "told_at",
        "tried",
        "usage",
        "user",
        "was_held",
        "was_lost",
        "worker",
        "workspace",
    )

    def __init__(self, request: ClaimRequest, plan: Plan, worker: Worker) -> None:
        self.id = request.session
        self.workspace = WorkspaceId(intern(request.workspace))
        self.user = request.user
        self.key = request.key
        self.worker = worker
        self.plan = plan
        self.expires_at = request.expires_at
        self.resume_seconds = request.resume_seconds
        self.gateway = request.gateway
        self.request = request.request
        self.old_request: RequestId | None = None  # superseded by `request`; its repetition is refused
        self.state: ClaimState | None = None
        self.fence = 0
        self.was_held = False  # this attach was confirmed
        self.old_fence = 0  # of the held attach before: what it carried may still be reported,
        self.old_usage = NO_USAGE  # and replaces this
        self.due = 0.0  # reserved: until; suspended: until
        self.started_at: float | None = None
        self.held_since = 0.0
        self.held_seconds = 0.0  # of earlier attaches
        self.usage = NO_USAGE  # of attaches before the old one
        self.attach_usage = NO_USAGE
        self.owes_report = False  # its gateway has not said what this attach carried in the end,
        self.old_owes_report = False  # nor the one before; a gateway that was killed never will
        self.lacks_usage = False  # so it was with an earlier one
        self.seq = 0
        self.tried: tuple[Worker, ...] = ()
        self.is_adopted = False  # after a loss of data: what it was before is not known
        self.is_displaced = False  # its worker was lost to it: the next attach goes elsewhere
        self.was_lost = False  # since it was last held: decides how it ends
        self.detached_at: float | None = None  # its worker saw the connection go
        self.told_at = 0.0  # to leave a draining worker
        self.asked_until = 0.0  # its gateway has the last word until then
        self.tick = UNSET

    def claimed(self) -> Claimed:
        """The answer to its claim."""
        worker = self.worker
        usage = self.total_usage
        return Claimed(
            self.id,
            worker.id,
            worker.address,
            worker.claim_key,
            self.fence,
            worker.region,
            worker.pool,
            self.due,
            self.expires_at,
            self.started_at is not None,
            0 if usage is NO_USAGE else usage.bytes_in + usage.bytes_out,
        )

    @property
    def total_usage(self) -> Usage:
        """Over all attaches."""
        if self.usage is NO_USAGE and self.old_usage is NO_USAGE:
            return self.attach_usage
        return self.usage + self.old_usage + self.attach_usage

    def view(self, now: float) -> SessionView:
        """As shown."""
        state = self.state
        assert state is not None, "a session of the table has a claim"
        is_attached = state is not ClaimState.SUSPENDED
        return SessionView(
            session=self.id,
            state=state,
            worker=self.worker.id,
            gateway=self.gateway if is_attached else None,
            region=self.worker.region,
            pool=self.worker.pool,
            fence=self.fence,
            started_at=self.started_at,
            expires_at=self.expires_at,
            usage=self.total_usage,
            held_seconds=self.held_seconds + (now - self.held_since if state is ClaimState.HELD else 0.0),
        )


@dataclass(slots=True, eq=False)
class Gateway:
    """One gateway and its lease. A lapsed one is remembered for a while: it may only have been cut off."""

    id: GatewayId
    node: str
    renewed_at: float
    is_lapsed: bool = False
    is_cordoned: bool = False
    is_new: bool = True  # it has not said yet what it relays


@dataclass(slots=True, eq=False)
class Contest:
    """A second connection under `reject` that waits for the first one's proof of life."""

    request: RequestId
    session: Session
    fence: int
    asker: GatewayId
    deadline: float
