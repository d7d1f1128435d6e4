"""What a gateway hears of the store without having asked."""

from __future__ import annotations

from dataclasses import dataclass

from moorage.errors import Code
from moorage.ids import RequestId, SessionId, WorkerId
from scheduler.values.answers import Refused
from scheduler.values.claims import Claimed
from scheduler.values.ends import End, Revocation
from scheduler.values.workers import Directive


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
class GatewayCordoned:
    """Take no new clients, or take them again."""

    is_cordoned: bool


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
    | GatewayCordoned
    | Revoked
)
