"""How a session's row follows the store: events and end records in, changed rows out.

Applying anything twice, late or out of order changes nothing: an end is final whatever its position, and other events
count only when they are newer than the newest one applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controlplane.sessions import LIVE, NEXT, EndNote, Happening, Session, Status
from moorage.deadlines import GATEWAY_LOST_AFTER, RESUME
from moorage.ids import WorkerId
from scheduler.values import EndRecord, Event, Outcome, SessionView

HAPPENINGS = {
    "session.started": Happening.STARTED,
    "session.suspended": Happening.SUSPENDED,
    "session.resumed": Happening.RESUMED,
}
OF_OUTCOME = {
    Outcome.COMPLETED: Happening.COMPLETED,
    Outcome.FAILED: Happening.FAILED,
    Outcome.EXPIRED: Happening.EXPIRED,
}


MAX_REASON = 512
ABSENT_FOR = GATEWAY_LOST_AFTER + RESUME
"""How long the store may not know an active session before it is given up: its worker and gateway would have brought it
back by then, and its slot would not be kept any longer."""


def after_event(session: Session, event: Event, nodes: Mapping[str, str]) -> Session:
    """The row after one event; `nodes` are gateways' public addresses. The same object where nothing changes."""
    if event.end is not None:
        return after_end(session, event.end)
    happening = HAPPENINGS.get(event.type)
    if happening is None or (event.at, event.seq) <= (session.event_at, session.event_seq):
        return session
    status = NEXT.get((session.status, happening))
    if status is None:  # final
        return session
    started_at = session.started_at if session.started_at is not None else event.at
    return replace(
        session,
        status=status,
        started_at=started_at,
        worker=event.worker or session.worker,
        region=_text(event, "region") or session.region,
        pool=_text(event, "pool") or session.pool,
        node=nodes.get(_text(event, "gateway") or "", session.node),
        event_at=event.at,
        event_seq=event.seq,
    )


def after_end(session: Session, record: EndRecord) -> Session:
    """The row after its end; the same object where it had ended already, or the store only remembers that it did."""
    status = NEXT.get((session.status, OF_OUTCOME[record.outcome]))
    if status is None or not record.ended_at:
        return session
    return replace(
        session,
        status=status,
        ended_at=record.ended_at,
        end=EndNote(record.code.value if record.code else None, record.reason[:MAX_REASON], record.by),
        held_seconds=record.held_seconds,
        usage=record.usage,
        end_wanted=None,
    )


def seen_live(session: Session, view: SessionView) -> Session:
    """The row with what the store shows of a live session: fresher usage and place than the last event's."""
    if session.status not in LIVE or view.started_at is None:
        return session
    return replace(
        session,
        status=Status.ACTIVE,
        started_at=session.started_at if session.started_at is not None else view.started_at,
        worker=WorkerId(view.worker),
        region=view.region,
        pool=view.pool,
        expires_at=max(session.expires_at, view.expires_at),
        held_seconds=view.held_seconds,
        usage=view.usage,
    )


def _text(event: Event, name: str) -> str | None:
    said = event.data.get(name)
    return said if isinstance(said, str) and said else None
