"""What any act of a store may answer instead of a result."""

from __future__ import annotations

from dataclasses import dataclass

from moorage.errors import Code
from moorage.ids import SessionId


@dataclass(frozen=True, slots=True)
class Refused:
    """No, and why."""

    code: Code
    detail: str
    retry_after: float | None = None


NEWBORN = Refused(Code.STORE_UNAVAILABLE, "the store is new: no worker that could serve this has registered yet", 1.0)
"""To a claim that may wait and that no worker matches, in a store so new that those that live may yet have to register: it
passes, so it is not the lack of room that a client gives up at."""


@dataclass(frozen=True, slots=True)
class Stale:
    """The fence is not the session's newest, or the session is not there: the writer must let go."""

    session: SessionId
    fence: int | None  # the newest; None where the session is unknown or ended


@dataclass(frozen=True, slots=True)
class Done:
    """It was done, or was already so."""
