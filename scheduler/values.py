"""The scheduler's words as frozen values: what is asked of a store, and what it answers.

Times are Unix seconds of the store's clock unless a name says otherwise. Nothing here decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from moorage.errors import Code
from moorage.ids import GatewayId, KeyId, RequestId, SessionId, UserId, WorkerId, WorkspaceId

Labels = frozenset[tuple[str, str]]
"""Labels as (key, value) pairs; a worker matches a session when it has all of the session's."""


class WorkerState(Enum):
    """What a worker may be given. scheduler/workers.py holds the table of changes."""

    STARTING = "starting"  # registered over REST, not yet ready
    SERVING = "serving"
    SUSPECT = "suspect"  # silent for SUSPECT_AFTER, or three sessions could not reach it: nothing new
    CORDONED = "cordoned"  # an operator said: nothing new
    DRAINING = "draining"  # nothing new, and what is there moves away at the deadline
    RETIRED = "retired"  # empty for ever
    LOST = "lost"  # silent for WORKER_LOST_AFTER; may come back by registering


class ClaimState(Enum):
    """A session's hold on its slot. scheduler/claims.py holds the table of changes."""

    RESERVED = "reserved"
    HELD = "held"
    SUSPENDED = "suspended"
    ENDED = "ended"


class Outcome(Enum):
    """A session's final status."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class Duplicates(Enum):
    """What a second connection to a live session does."""

    REPLACE = "replace"
    REJECT = "reject"


class Wanted(NamedTuple):
    """What a session needs of a worker."""

    regions: tuple[str, ...] = ()  # in order of preference; empty takes any
    pools: tuple[str, ...] = ()  # any of them; empty takes any
    labels: Labels = frozenset()
    is_spread: bool = False  # the emptiest worker instead of the fullest


class Concurrency(NamedTuple):
    """How many sessions may be live at once; 0 is no limit."""

    per_user: int = 0
    per_key: int = 0
    per_workspace: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What one attach has carried so far, or a session over all its attaches."""

    bytes_in: int = 0  # from the client
    bytes_out: int = 0
    messages_in: int = 0
    messages_out: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.bytes_in + other.bytes_in,
            self.bytes_out + other.bytes_out,
            self.messages_in + other.messages_in,
            self.messages_out + other.messages_out,
        )


NO_USAGE = Usage()


class ClaimRequest(NamedTuple):
    """One attach of one session. Retrying with the same `request` answers the same claim."""

    request: RequestId
    session: SessionId
    workspace: WorkspaceId
    user: UserId
    key: KeyId
    gateway: GatewayId
    wanted: Wanted
    expires_at: float  # end of the session's time to live
    resume_seconds: float
    wait_seconds: float  # longest stay in the admission queue; 0 never waits
    limits: Concurrency = Concurrency()
    duplicates: Duplicates = Duplicates.REPLACE
    token_issued_at: float | None = None  # revocations spare tokens issued after them; None counts as issued before any


class Claimed(NamedTuple):
    """A slot is reserved until `reserved_until`: dial, then confirm."""

    session: SessionId
    worker: WorkerId
    address: str  # "ip:port"
    claim_key: bytes  # MAC key of the worker, for Moorage-Claim
    fence: int
    region: str
    pool: str
    reserved_until: float
    expires_at: float  # the session's; may be later than asked after an extension
    is_resumed: bool  # the session was attached before
    carried_bytes: int = 0  # by earlier attaches, both directions: counts towards the session's byte limit


@dataclass(frozen=True, slots=True)
class Queued:
    """No room now. The store sends `Granted` or `QueueRefused` for this request."""

    request: RequestId
    position: int  # 1 is next
    eta_seconds: float | None  # from the rate at which slots came free; None when unknown
    deadline: float


@dataclass(frozen=True, slots=True)
class Contested:
    """`reject` found the session attached: the store has asked its holder and sends `Probed` for this request."""

    request: RequestId
    fence: int  # of the attach that is there


@dataclass(frozen=True, slots=True)
class Refused:
    """No, and why."""

    code: Code
    detail: str
    retry_after: float | None = None


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
    address: str  # "ip:port"
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


@dataclass(frozen=True, slots=True)
class Beaten:
    """The acknowledgement of a heartbeat. `directives` are those not yet delivered over a link."""

    seq: int
    directives: tuple[Directive, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """A wish to end a session. The first valid one wins. `fence` None speaks for the session itself (API, sweeper)."""

    session: SessionId
    outcome: Outcome
    code: Code | None  # what a connected client is told; None: it already knows
    reason: str
    by: str  # client | worker | gateway | api | scheduler
    fence: int | None = None
    usage: Usage = NO_USAGE  # of the attach with that fence, final
    workspace: WorkspaceId | None = None  # needed where the session never connected


@dataclass(frozen=True, slots=True)
class EndRecord:
    """How a session ended: written once, in the atomic step that frees its slot."""

    session: SessionId
    outcome: Outcome
    code: Code | None
    reason: str
    by: str
    ended_at: float
    held_seconds: float  # time attached; suspended time is not billed
    usage: Usage
    is_estimated: bool = False  # a gateway was lost with what it had metered since its last checkpoint


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer to an end: `is_first` False means that somebody was earlier, and `record` is theirs."""

    record: EndRecord
    is_first: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """The fence is not the session's newest, or the session is not there: the writer must let go."""

    session: SessionId
    fence: int | None  # the newest; None where the session is unknown or ended


@dataclass(frozen=True, slots=True)
class Done:
    """It was done, or was already so."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """Everything of one session, user, API key or workspace ends now, and stays out until `until`."""

    kind: str  # session | user | key | workspace
    id: str
    until: float  # when the last token it could apply to has expired
    before: float  # tokens issued before this instant are refused
    reason: str = ""


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


# What a gateway hears.


@dataclass(frozen=True, slots=True)
class Granted:
    """A waiter's turn came: its slot is reserved."""

    request: RequestId
    claimed: Claimed


@dataclass(frozen=True, slots=True)
class QueueRefused:
    """A waiter's deadline passed, or no worker can match any more."""

    request: RequestId
    refused: Refused


@dataclass(frozen=True, slots=True)
class CloseSession:
    """Close this attach: superseded, ended, expired, moved. The session's state is already changed, save for DRAINING."""

    session: SessionId
    fence: int  # attaches with this fence or a lower one
    code: Code
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class EndSession:
    """End this attach as wished: close it, and answer with `Store.end`, so that the record has all that was carried."""

    wish: End  # with the fence of the attach


@dataclass(frozen=True, slots=True)
class ProbeSession:
    """Ping the client of this attach and answer with `Store.probed`."""

    session: SessionId
    fence: int
    request: RequestId


@dataclass(frozen=True, slots=True)
class Probed:
    """The older connection is alive (be refused), or was suspended (claim again)."""

    request: RequestId
    is_alive: bool


@dataclass(frozen=True, slots=True)
class Extended:
    """A session's time to live moved."""

    session: SessionId
    expires_at: float


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """Close every relay to this worker with WORKER_LOST; its sessions are already suspended."""

    worker: WorkerId


@dataclass(frozen=True, slots=True)
class Direct:
    """Pass this on over the worker's link, which ends at this gateway."""

    worker: WorkerId
    directive: Directive


@dataclass(frozen=True, slots=True)
class Revoked:
    """Refuse tokens of this from now on."""

    revocation: Revocation


Notice = (
    Granted
    | QueueRefused
    | CloseSession
    | EndSession
    | ProbeSession
    | Probed
    | Extended
    | WorkerLost
    | Direct
    | Revoked
)


# What a reader sees.


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


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, in the order of `position`; `seq` counts within one session."""

    position: int
    type: str  # session.started | session.suspended | session.resumed | session.ended | worker.joined | worker.lost | …
    at: float
    session: SessionId | None = None
    worker: WorkerId | None = None
    seq: int = 0
    end: EndRecord | None = None
    data: dict[str, str | int | float] = field(default_factory=dict)
