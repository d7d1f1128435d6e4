"""The link's messages: what a worker and a gateway say to each other over one connection, as frozen values.

    worker                                   gateway
    Register (full list of sessions)  --->
                                      <---   Registered, or LinkRefused and the end
    Heartbeat (what changed)          --->
                                      <---   Ack (of the last beat the store took)
                                      <---   Directive
    Drained                           --->
    Goodbye                           --->   and the end

The bytes are moorage/link_wire.py's business, sockets are moorage/io/link.py's and gateway/io/link_server.py's.
Nothing here knows the scheduler: the gateway translates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from moorage.deadlines import HEARTBEAT_EVERY, RESUME, WORKER_LOST_AFTER
from moorage.errors import Code
from moorage.ids import SessionId, WorkerId

SUBPROTOCOLS = ("moorage.link.v1",)  # newest first; a new version is added in front, an old one stays for a release
PATH = "/link"

MAX_MESSAGE_BYTES = 1 << 20
MAX_SESSIONS = 20_000  # 43 bytes each on the wire: the longest list fits into one message
MAX_TEXT = 256
MAX_LABELS = 64


def negotiate(offered: Iterable[str]) -> str | None:
    """The newest version both sides speak, or None.

    >>> negotiate(["moorage.link.v9", "moorage.link.v1"])
    'moorage.link.v1'
    """
    common = set(offered)
    return next((version for version in SUBPROTOCOLS if version in common), None)


class Order(Enum):
    """What a worker is told to do. The same words as the scheduler's."""

    CORDON = "cordon"
    UNCORDON = "uncordon"
    DRAIN = "drain"
    MOVE = "move"
    END_SESSION = "end_session"
    ATTACH = "attach"
    SHUTDOWN = "shutdown"
    REGISTER = "register"


class Outcome(Enum):
    """How a session ended. The same words as the scheduler's."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Listed:
    """One session as its worker has it."""

    session: SessionId
    fence: int
    is_attached: bool


@dataclass(frozen=True, slots=True)
class Over:
    """One session that its worker ended."""

    session: SessionId
    fence: int
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pod:
    """Which Kubernetes pod a worker is."""

    namespace: str
    pod: str
    uid: str


@dataclass(frozen=True, slots=True)
class Register:
    """A worker joins, or joins again with its id and the key it got then."""

    name: str
    region: str
    pool: str
    address: str  # "ip:port", "[ip]:port" for IPv6, or moorage.dialout.ADDRESS
    slots: int
    labels: tuple[tuple[str, str], ...] = ()
    version: str = ""
    sessions: tuple[Listed, ...] = ()
    kubernetes: Pod | None = None
    again: WorkerId | None = None
    claim_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Registered:
    """A worker's place, and the key its claims are signed with."""

    worker_id: WorkerId
    claim_key: bytes = field(repr=False)
    epoch: str
    lease_seconds: float = WORKER_LOST_AFTER
    heartbeat_every: float = HEARTBEAT_EVERY
    resume_seconds: float = RESUME  # how long the store keeps a suspended session's slot


@dataclass(frozen=True, slots=True)
class LinkRefused:
    """No, and why. The gateway closes after it."""

    code: Code
    detail: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Alive, and what happened since the last acknowledged beat."""

    seq: int
    in_use: int
    load: float = 0.0
    attached: tuple[Listed, ...] = ()
    detached: tuple[Listed, ...] = ()
    ended: tuple[Over, ...] = ()
    is_ready: bool = True  # False: it wants no new sessions


@dataclass(frozen=True, slots=True)
class Ack:
    """Every beat up to `seq` is in the store. A beat is always answered; while the store is away `seq` stands still."""

    seq: int


@dataclass(frozen=True, slots=True)
class Directive:
    """One order. `seconds` from now is its deadline: two machines' clocks are never compared."""

    order: Order
    session: SessionId | None = None
    fence: int | None = None
    seconds: float | None = None
    reason: str = ""
    gateway: str | None = None  # ATTACH: where to dial, see moorage.dialout,
    ticket: str | None = field(default=None, repr=False)  # and what to show there


@dataclass(frozen=True, slots=True)
class Drained:
    """The last session of a draining worker is gone."""


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The worker leaves for good."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message or an order of a newer version: to be counted and skipped."""

    type: str


Message = Register | Registered | LinkRefused | Heartbeat | Ack | Directive | Drained | Goodbye | Unknown
