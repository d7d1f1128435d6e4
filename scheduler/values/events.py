"""What happened, in order: the control plane's source."""

from __future__ import annotations

from dataclasses import dataclass, field

from moorage.ids import SessionId, WorkerId
from scheduler.values.ends import EndRecord


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `position` is where in the store's stream, `seq` counts within one session."""

    position: str  # opaque
    type: str  # session.started | session.suspended | session.resumed | session.ended | worker.lost | pool.scaled | …
    at: float
    session: SessionId | None = None
    worker: WorkerId | None = None
    seq: int = 0
    end: EndRecord | None = None
    data: dict[str, str | int | float] = field(default_factory=dict)
