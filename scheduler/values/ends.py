"""How sessions end, with what they carried, and what keeps them from coming back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from moorage.errors import Code
from moorage.ids import SessionId, WorkspaceId
from scheduler.values.states import Outcome


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


class EndRecord(NamedTuple):
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


class Ended(NamedTuple):
    """The answer to an end: `is_first` False means that somebody was earlier, and `record` is theirs."""

    record: EndRecord
    is_first: bool


@dataclass(frozen=True, slots=True)
class Revocation:
    """Everything of one session, user, API key or workspace ends now, and stays out until `until`."""

    kind: str  # session | user | key | workspace
    id: str
    until: float  # when the last token it could apply to has expired
    before: float  # tokens issued before this instant are refused
    reason: str = ""
