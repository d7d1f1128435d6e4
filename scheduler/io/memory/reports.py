"""What a gateway reports of an attach it holds: confirmed, suspended, how much it carried; and a session's longer life."""

from __future__ import annotations

from moorage.ids import SessionId
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.lives import hold, suspend, take_late_usage
from scheduler.values import ClaimState, Done, Extended, Stale, Usage
from scheduler.workers import Health

_DONE = Done()


def confirm(fleet: Fleet, session_id: SessionId, fence: int, now: float) -> Done | Stale:
    """Reserved -> held; done already is done."""
    session = fleet.sessions.get(session_id)
    if session is None:
        return Stale(session_id, None)
    if session.fence != fence or session.state is ClaimState.SUSPENDED:
        return Stale(session_id, session.fence)
    if session.state is ClaimState.HELD:
        return _DONE
    hold(fleet, session, now)
    worker = session.worker
    if worker.complaints:
        worker.complaints.clear()
    if worker.health is Health.LOST or worker.id not in fleet.workers:  # its relays were closed a moment ago
        suspend(fleet, session, now, is_lost=True)
        return Stale(session_id, fence)
    return _DONE


def suspend_attach(
    fleet: Fleet, session_id: SessionId, fence: int, usage: Usage, now: float, *, is_worker_lost: bool
) -> Done | Stale:
    """Held -> suspended, with all that the attach carried; done already is done."""
    session = fleet.sessions.get(session_id)
    if session is None:
        return Stale(session_id, None)
    if session.fence != fence:
        take_late_usage(session, fence, usage, is_final=True)
        return Stale(session_id, session.fence)
    if session.state is ClaimState.RESERVED:  # its confirmation was lost on the way: only what was relayed is suspended
        hold(fleet, session, now)
    session.attach_usage = usage
    session.owes_report = False
    if session.state is ClaimState.HELD:
        suspend(fleet, session, now, is_lost=is_worker_lost)
    return _DONE


def checkpoint(fleet: Fleet, session_id: SessionId, fence: int, usage: Usage, now: float) -> Done | Stale:
    """What the attach has carried so far; renews its gateway's lease."""
    session = fleet.sessions.get(session_id)
    if session is None:
        return Stale(session_id, None)
    if session.fence != fence or session.state is not ClaimState.HELD:
        take_late_usage(session, fence, usage, is_final=False)
        return Stale(session_id, session.fence)
    session.attach_usage = usage
    gateway = fleet.gateways.get(session.gateway)
    if gateway is not None:
        gateway.renewed_at = now
        gateway.is_lapsed = False
    return _DONE


def extend(fleet: Fleet, session_id: SessionId, expires_at: float, now: float) -> Done | Stale:
    """A live or waiting session's time to live moves; an attached one's gateway hears."""
    waiter = fleet.queue.of_session(session_id)
    if waiter is not None:
        waiter.request = waiter.request._replace(expires_at=expires_at)
        fleet.queue_alarms.set(waiter, waiter.due, now)
    session = fleet.sessions.get(session_id)
    if session is None:
        return _DONE if waiter is not None else Stale(session_id, None)
    session.expires_at = expires_at
    fleet.alarms.set(session, expires_at, now)
    if session.state is not ClaimState.SUSPENDED:
        fleet.mail.put(session.gateway, Extended(session_id, expires_at))
    return _DONE
