"""What workers say of themselves and of their sessions, and what they are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from moorage.deadlines import WORKER_LOST_AFTER
from moorage.ids import GatewayId, SessionId, WorkerId
from scheduler.values.states import Outcome, WorkerState

Labels = frozenset[tuple[str, str]]
"""Labels as (key, value) pairs; a worker matches a session when it has all of the session's."""


@dataclass(frozen=True, slots=True)
class SessionOnWorker:
    """One session as a worker lists it: the witness of what it has."""

    session: SessionId
    fence: int
    is_attached: bool


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """Which pod a worker is; the autoscaler removes exactly it."""

    namespace: str
    pod: str
    uid: str


@dataclass(frozen=True, slots=True)
class JoinKey:
    """Who may register workers where. "*" is any."""

    digest: str  # SHA-256 of the key, lower-case hex
    pool: str
    region: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What a worker says when it joins, or joins again."""

    name: str
    region: str
    pool: str
    address: str  # "ip:port", or "dial-out" (moorage.dialout)
    slots: int
    labels: Labels = frozenset()
    version: str = ""
    sessions: tuple[SessionOnWorker, ...] = ()
    kubernetes: Kubernetes | None = None
    again: WorkerId | None = None  # its id from an earlier registration,
    claim_key: bytes | None = None  # proven by the key it got then
    gateway: GatewayId | None = None  # where its link ends; None over REST
    is_starting: bool = False


@dataclass(frozen=True, slots=True)
class Registered:
    """A worker's place in the fleet."""

    worker: WorkerId
    claim_key: bytes
    epoch: str  # changes when the store lost its data
    state: WorkerState
    lease_seconds: float = WORKER_LOST_AFTER  # silence that costs it its sessions


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A worker is alive, and what it saw since the last acknowledged beat."""

    worker: WorkerId
    seq: int
    in_use: int
    load: float = 0.0  # its own measure, 0..1; shown, never trusted for capacity
    attached: tuple[SessionOnWorker, ...] = ()
    detached: tuple[SessionOnWorker, ...] = ()
    ended: tuple[WorkerEnd, ...] = ()
    gateway: GatewayId | None = None
    is_ready: bool = True


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """A session that its worker ended."""

    session: SessionId
    fence: int
    outcome: Outcome
    reason: str = ""


class Order(Enum):
    """What a worker is told to do."""

    CORDON = "cordon"
    UNCORDON = "uncordon"
    DRAIN = "drain"  # finish or hand over by `deadline`
    MOVE = "move"  # a session goes to another worker: close it with 1012
    END_SESSION = "end_session"
    ATTACH = "attach"  # a dial-out worker connects to the gateway that asks, with a ticket
    SHUTDOWN = "shutdown"  # retired: exit
    REGISTER = "register"  # the store does not know this worker: register again, with the full list


@dataclass(frozen=True, slots=True)
class Directive:
    """One order to one worker."""

    order: Order
    session: SessionId | None = None
    fence: int | None = None
    deadline: float | None = None
    reason: str = ""
    gateway: str = ""  # ATTACH: the address to connect to,
    ticket: str = field(default="", repr=False)  # and what to show there, once


@dataclass(frozen=True, slots=True)
class Beaten:
    """The acknowledgement of a heartbeat. `directives` are those not yet delivered over a link."""

    seq: int
    directives: tuple[Directive, ...] = ()


@dataclass(frozen=True, slots=True)
class Drain:
    """How a worker is emptied."""

    deadline: float  # sessions still there then are moved
    rate_per_second: float  # how fast they are moved


@dataclass(frozen=True, slots=True)
class DrainProgress:
    """A drain as it stands."""

    started_at: float
    deadline: float
    rate_per_second: float
    sessions_at_start: int
    sessions_left: int
    sessions_moved: int
