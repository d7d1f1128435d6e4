"""What a session asks of the fleet, and the slot or the place in the queue that it gets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from moorage.ids import GatewayId, KeyId, RequestId, SessionId, UserId, WorkerId, WorkspaceId
from scheduler.values.answers import Stale
from scheduler.values.ends import NO_USAGE, Usage
from scheduler.values.workers import Labels


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
    unreached: int | None = None  # fence of this client's attach, a resumed one, for which `move` found no other worker


class Claimed(NamedTuple):
    """A slot is reserved until `reserved_until`: dial, then confirm."""

    session: SessionId
    worker: WorkerId
    address: str  # "ip:port", or "dial-out": the worker is asked to come (moorage.dialout)
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


class Held(NamedTuple):
    """One session that a gateway relays, with all that a store which lost its data needs to know it again."""

    session: SessionId
    fence: int
    workspace: WorkspaceId
    user: UserId
    key: KeyId
    worker: WorkerId
    region: str
    expires_at: float
    resume_seconds: float
    usage: Usage = NO_USAGE  # of this attach so far


@dataclass(frozen=True, slots=True)
class Adopted:
    """What came of an adoption."""

    stale: list[Stale]  # to be closed
    waiting: int = 0  # their worker is not back yet: keep relaying, and adopt again
