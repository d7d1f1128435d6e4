"""How a session's row follows the store: events and end records in, changed rows out.

Applying anything twice changes nothing, and the order does not matter: an end is final whatever its position, other
events move a row on only when they are newer than the newest one applied, and late ones fill in what is still missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controlplane.sessions import LIVE, NEXT, EndNote, Happening, Session, Status
from moorage.deadlines import GATEWAY_LOST_AFTER
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


def absent_for(resume_seconds: float) -> float:
    """How long the store may not know an active session before it is given up: its worker and gateway would have brought it
    back by then, and its slot would not be kept any longer."""
    return GATEWAY_LOST_AFTER + resume_seconds


def after_event(session: Session, event: Event, nodes: Mapping[str, str]) -> Session:
    """The row after one event; `nodes` are gateways' public addresses. The same object where nothing changes."""
    if event.end is not None:
        return after_end(session, event.end)
    happening = HAPPENINGS.get(event.type)
    if happening is None:
        return session
    status = NEXT.get((session.status, happening))
    is_late = (event.at, event.seq) <= (session.event_at, session.event_seq)
    if status is None or is_late:
        return _completed(session, event, happening, nodes)
    return replace(
        session,
        status=status,
        started_at=_started_at(session, event, happening),
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
        is_usage_estimated=record.is_estimated or _is_forgotten(session, record),
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


def _is_forgotten(session: Session, record: EndRecord) -> bool:
    """Whether the store had lost it: it was active, and the record knows of no time attached."""
    return session.status is Status.ACTIVE and not record.held_seconds


def _completed(session: Session, event: Event, happening: Happening, nodes: Mapping[str, str]) -> Session:
    """What a late event still tells of a row that knows less: two control planes may write a session's events in any
    order. The same object where nothing is missing."""
    if session.ended_at is not None and event.at > session.ended_at:
        return session
    completed = replace(
        session,
        started_at=_started_at(session, event, happening),
        worker=session.worker or event.worker,
        region=session.region or _text(event, "region"),
        pool=session.pool or _text(event, "pool"),
        node=session.node if session.worker else nodes.get(_text(event, "gateway") or "", session.node),
    )
    return session if completed == session else completed


def _started_at(session: Session, event: Event, happening: Happening) -> float:
    """When it started, whichever event comes first."""
    if session.started_at is None:
        return event.at
    return min(session.started_at, event.at) if happening is Happening.STARTED else session.started_at


def _text(event: Event, name: str) -> str | None:
    said = event.data.get(name)
    return said if isinstance(said, str) and said else None
