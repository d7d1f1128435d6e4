"""The steps of one session's life, as scheduler/claims.py allows them, with their events. Frees and takes no slots."""

from __future__ import annotations

from scheduler.claims import Change, live_after
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.log import Data
from scheduler.io.memory.records import Session
from scheduler.values import ClaimState, Usage

_HELD = live_after(ClaimState.RESERVED, Change.CONFIRM)
_ADOPTED = live_after(ClaimState.SUSPENDED, Change.ADOPT)
_SUSPENDED = live_after(ClaimState.HELD, Change.SUSPEND)
_FALLEN_BACK = live_after(ClaimState.RESERVED, Change.FALL_BACK)


def hold(fleet: Fleet, session: Session, now: float, *, is_adopted: bool = False) -> None:
    """Reserved -> held (confirmed), or suspended -> held (adopted by the gateway that still relays it)."""
    if session.state is ClaimState.SUSPENDED:
        session.worker.suspended -= 1
        session.state = _ADOPTED
    else:
        session.state = _HELD
    session.worker.held += 1
    session.held_since = now
    session.was_held = session.owes_report = True
    session.detached_at = None
    session.asked_until = 0.0
    session.is_displaced = session.was_lost = False
    if fleet.granted:
        fleet.granted.pop(session.request, None)
    is_first = session.started_at is None
    if is_first:
        session.started_at = now
    log_event(fleet, session, "session.started" if is_first else "session.resumed", now, is_adopted=is_adopted)


def suspend(fleet: Fleet, session: Session, now: float, *, is_lost: bool, held_until: float | None = None) -> None:
    """Held -> suspended: the slot is kept for `resume_seconds`. A witness may know that it was held less long."""
    leave_state(session, now if held_until is None else held_until)
    session.state = _SUSPENDED
    session.worker.suspended += 1
    session.is_displaced = session.was_lost = is_lost
    wait_for_return(fleet, session, now)
    log_event(fleet, session, "session.suspended", now)


def fall_back(fleet: Fleet, session: Session, now: float) -> None:
    """Reserved -> suspended: a client that was here a moment ago gets the whole time to come again."""
    session.state = _FALLEN_BACK
    session.worker.suspended += 1
    if fleet.granted:
        fleet.granted.pop(session.request, None)
    wait_for_return(fleet, session, now)


def wait_for_return(fleet: Fleet, session: Session, now: float) -> None:
    """The time to reconnect begins."""
    session.due = now + session.resume_seconds
    fleet.alarms.set(session, min(session.due, session.expires_at), now)


def leave_state(session: Session, until: float) -> None:
    """Takes the session out of its worker's counts, and closes the time it was held."""
    if session.state is ClaimState.HELD:
        session.worker.held -= 1
        if until > session.held_since:
            session.held_seconds += until - session.held_since
    elif session.state is ClaimState.SUSPENDED:
        session.worker.suspended -= 1


def take_late_usage(session: Session, fence: int, usage: Usage, *, is_final: bool) -> None:
    """An attach that was superseded reports what it carried: refused as stale, counted all the same."""
    if fence == session.old_fence:
        session.old_usage = usage
        session.old_owes_report = session.old_owes_report and not is_final
    elif fence == session.fence:
        session.attach_usage = usage
        session.owes_report = session.owes_report and not is_final


def log_event(fleet: Fleet, session: Session, type_: str, now: float, *, is_adopted: bool = False) -> None:
    """One more event of a session."""
    session.seq += 1
    worker = session.worker
    data: Data = {
        "workspace": session.workspace,
        "user": session.user,
        "region": worker.region,
        "pool": worker.pool,
        "gateway": session.gateway,
        "fence": session.fence,
        "is_worker_lost": session.was_lost,
    }
    if is_adopted:
        data["adopted"] = 1
    fleet.log.append((type_, now, session.id, worker.id, session.seq, None, data))
