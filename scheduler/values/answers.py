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


@dataclass(frozen=True, slots=True)
class Stale:
    """The fence is not the session's newest, or the session is not there: the writer must let go."""

    session: SessionId
    fence: int | None  # the newest; None where the session is unknown or ended


@dataclass(frozen=True, slots=True)
class Done:
    """It was done, or was already so."""
