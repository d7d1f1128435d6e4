"""How a session ends: once, with its record and its event, in the step that frees its slot. The first valid end wins."""

from __future__ import annotations

from dataclasses import replace

from moorage.errors import Code
from moorage.ids import SessionId
from scheduler.claims import Change, live_after
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.lives import leave_state, take_late_usage, wait_for_return
from scheduler.io.memory.records import Session
from scheduler.io.memory.slots import vacate
from scheduler.queue import Waiter
from scheduler.values import (
    NO_USAGE,
    ClaimState,
    CloseSession,
    Directive,
    End,
    Ended,
    EndRecord,
    EndSession,
    Order,
    Outcome,
    QueueRefused,
    Refused,
    Stale,
)

PORTION = 500  # sessions ended in one step of the loop: about 5 ms
_ENDED = live_after(ClaimState.HELD, Change.END)
OVER = Refused(Code.SESSION_ENDED, "the session was ended; create another one")


def end(fleet: Fleet, wish: End, now: float) -> Ended | Stale:
    """Somebody's wish. A fence that is not the newest is refused; without a fence it speaks for the session itself."""
    session = fleet.sessions.get(wish.session)
    if session is not None:
        if wish.fence is not None and wish.fence != session.fence:
            take_late_usage(session, wish.fence, wish.usage, is_final=True)
            return Stale(wish.session, session.fence)
        return Ended(finish(fleet, session, wish, now), True)
    record = fleet.tombstones.record(wish.session)
    if record is not None:
        return Ended(record, False)
    if wish.session in fleet.tombstones:
        return Ended(_forgotten(wish.session), False)
    if wish.fence is not None:
        return Stale(wish.session, None)
    return Ended(_end_unplaced(fleet, wish, now), True)


def ask_to_end(fleet: Fleet, wish: End) -> bool:
    """Asks the holder's gateway, if it listens."""
    session = fleet.sessions.get(wish.session)
    if session is None or session.state is not ClaimState.HELD or not fleet.mail.is_watching(session.gateway):
        return False
    fleet.mail.put(session.gateway, EndSession(replace(wish, fence=session.fence)))
    return True


def finish(fleet: Fleet, session: Session, wish: End, now: float) -> EndRecord:
    """Ends a live session: closes its attach if that does not know, tells its worker, writes the one record."""
    is_by_attach = wish.fence is not None and wish.by != "worker"
    if is_by_attach:
        if wish.usage is not NO_USAGE:
            session.attach_usage = wish.usage
    elif session.state is not ClaimState.SUSPENDED:
        fleet.mail.put(session.gateway, CloseSession(session.id, session.fence, wish.code or Code.SESSION_ENDED))
    if wish.by != "worker" and session.worker.id in fleet.workers:
        fleet.direct(session.worker, Directive(Order.END_SESSION, session.id, session.fence, None, wish.reason))
    if len(fleet.queue):
        waiter = fleet.queue.of_session(session.id)
        if waiter is not None:
            dismiss(fleet, waiter, OVER, now)
    is_missing = session.lacks_usage or session.old_owes_report or (session.owes_report and not is_by_attach)
    leave_state(session, now)
    session.state = _ENDED
    record = EndRecord(
        session.id,
        wish.outcome,
        wish.code,
        wish.reason,
        wish.by,
        now,
        session.held_seconds,
        session.total_usage,
        is_estimated=session.is_adopted or is_missing,
    )
    data: dict[str, str | int | float] = {"workspace": session.workspace, "user": session.user}
    fleet.log.append(("session.ended", now, session.id, session.worker.id, session.seq + 1, record, data))
    fleet.tombstones.bury(record, max(session.expires_at, now + fleet.policy.tombstone_least_seconds))
    vacate(fleet, session, now)
    return record


def dismiss(fleet: Fleet, waiter: Waiter, refused: Refused, now: float) -> None:
    """A waiter is told no."""
    leave_line(fleet, waiter, now)
    fleet.mail.put(waiter.request.gateway, QueueRefused(waiter.request.request, refused))


def leave_line(fleet: Fleet, waiter: Waiter, now: float) -> None:
    """A waiter goes, unserved. A suspended session that waited for another worker gets its time to return anew."""
    fleet.queue_alarms.drop(waiter)
    fleet.queue.leave(waiter)
    request = waiter.request
    session = fleet.sessions.get(request.session)
    if session is None:
        fleet.limits.remove(request.user, request.key, request.workspace)
    elif session.state is ClaimState.SUSPENDED:
        wait_for_return(fleet, session, now)


def _end_unplaced(fleet: Fleet, wish: End, now: float) -> EndRecord:
    """A session that has no claim: it never connected, or waits in the queue."""
    waiter = fleet.queue.of_session(wish.session)
    workspace = wish.workspace
    until = now + fleet.policy.tombstone_seconds
    if waiter is not None:
        workspace = waiter.request.workspace
        until = max(until, waiter.request.expires_at)
        dismiss(fleet, waiter, OVER, now)
    record = EndRecord(wish.session, wish.outcome, wish.code, wish.reason, wish.by, now, 0.0, NO_USAGE)
    data: dict[str, str | int | float] = {"workspace": workspace} if workspace else {}
    fleet.log.append(("session.ended", now, wish.session, None, 1, record, data))
    fleet.tombstones.bury(record, until)
    return record


def _forgotten(session: SessionId) -> EndRecord:
    """What is answered when the record is no longer, or never was, here: SQL has it."""
    return EndRecord(session, Outcome.COMPLETED, None, "ENDED_EARLIER", "scheduler", 0.0, 0.0, NO_USAGE, True)
