"""Taking and freeing slots: the only place where a worker's room changes, and where room goes to those who wait.

A slot that comes free on a worker which did not answer the session that had it goes to nobody who waits before that worker's
next heartbeat: who waits would only wait for nothing at a dead one.
"""

from __future__ import annotations

from math import inf

from scheduler.claims import Change, after, live_after
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.lives import fall_back, leave_state, suspend
from scheduler.io.memory.records import Session, Worker
from scheduler.placement import Plan
from scheduler.queue import Waiter
from scheduler.values import (
    NO_USAGE,
    ClaimRequest,
    ClaimState,
    Directive,
    Granted,
    Order,
)
from scheduler.workers import Health

_RESERVED = live_after(None, Change.ATTACH)
_ABANDONED = after(_RESERVED, Change.ABANDON)


def place(fleet: Fleet, request: ClaimRequest, plan: Plan, worker: Worker, now: float) -> Session:
    """A session's first claim, on a worker with room."""
    session = Session(request, plan, worker)
    _give_slot(fleet, worker)
    worker.sessions[session] = None
    fleet.sessions[session.id] = session
    reserve(fleet, session, request, now)
    return session


def reserve(fleet: Fleet, session: Session, request: ClaimRequest, now: float) -> None:
    """A new attach of a session on the slot it has: a higher fence, and a reservation."""
    state = session.state
    if state is not None:
        leave_state(session, now)
        if session.request != request.request:
            session.old_request = session.request
        session.request = request.request
        session.gateway = request.gateway
        session.resume_seconds = request.resume_seconds
        if session.was_held:
            keep_usage(session)
    session.state = _RESERVED
    session.tried = ()
    session.detached_at = None
    session.was_held = False
    session.fence = fleet.new_fence(now)
    session.due = due = now + fleet.policy.reservation
    fleet.alarms.set(session, due if due < session.expires_at else session.expires_at, now)


def rehome(fleet: Fleet, session: Session, worker: Worker, now: float) -> None:
    """From the worker it has to another one with room. The old one is told to forget it."""
    old = session.worker
    _give_slot(fleet, worker)
    old.sessions.pop(session, None)
    if session.state is ClaimState.SUSPENDED:
        old.suspended -= 1
        worker.suspended += 1
    worker.sessions[session] = None
    session.worker = worker
    session.is_displaced = False
    if old.draining is not None:
        old.draining.moved += 1
    fleet.index.give(old)
    if old.id in fleet.workers:
        fleet.direct(old, Directive(Order.END_SESSION, session.id, session.fence, reason="MOVED"))
    if old not in session.tried:
        grant(fleet, old, now)


def _give_slot(fleet: Fleet, worker: Worker) -> None:
    """One that the session did not have: it counts as come. Slots found after a loss of data are only taken."""
    fleet.index.take(worker)
    worker.came += 1


def vacate(fleet: Fleet, session: Session, now: float) -> None:
    """The session leaves the tables; its slot goes to whose turn it is."""
    worker = session.worker
    fleet.granted.pop(session.request, None)
    fleet.alarms.drop(session)
    worker.sessions.pop(session, None)
    del fleet.sessions[session.id]
    fleet.limits.remove(session.user, session.key, session.workspace)
    fleet.index.give(worker)
    if len(fleet.queue) and worker not in session.tried:
        grant(fleet, worker, now)


def give_up(fleet: Fleet, session: Session, now: float) -> None:
    """A reservation came to nothing: a new session leaves no trace, an older one keeps its slot."""
    if session.started_at is not None:
        fall_back(fleet, session, now)
        return
    if session.worker.id in fleet.workers:  # which may have accepted what nobody will use
        fleet.direct(session.worker, Directive(Order.END_SESSION, session.id, session.fence, None, "NOT_CONFIRMED"))
    session.state = _ABANDONED
    vacate(fleet, session, now)


def drop_attach(fleet: Fleet, session: Session, now: float) -> None:
    """The attach there is makes way: a held one is suspended, a reservation given up."""
    if session.state is ClaimState.HELD:
        suspend(fleet, session, now, is_lost=False)
    elif session.state is ClaimState.RESERVED:
        give_up(fleet, session, now)


def grant(fleet: Fleet, worker: Worker, now: float) -> None:
    """As long as this worker has room and somebody waits for such: the next one gets it, and only its gateway hears."""
    while worker.is_open and worker.free > 0 and len(fleet.queue):
        waiter = fleet.queue.serve(worker, now)
        if waiter is None:
            return
        fleet.queue_alarms.drop(waiter)
        _grant_one(fleet, waiter, worker, now)


def grant_own(fleet: Fleet, worker: Worker, now: float) -> None:
    """A worker is back: its sessions that wait get the slots they kept. No other had room when they asked."""
    if not len(fleet.queue):
        return
    for session in sorted(worker.sessions, key=lambda session: session.id):
        waiter = fleet.queue.of_session(session.id)
        if waiter is not None:
            fleet.queue_alarms.drop(waiter)
            fleet.queue.leave(waiter)
            _grant_one(fleet, waiter, worker, now)


def offer_again(fleet: Fleet, waiter: Waiter, now: float) -> None:
    """No worker answered it a while ago: those still heard may now, another one with room or its own."""
    waiter.again_at = inf
    session = fleet.sessions.get(waiter.request.session)
    worker = None
    if session is not None:
        own = session.worker
        is_heard = fleet.workers.get(own.id) is own and own.health is Health.ALIVE
        worker = fleet.index.choose_other(waiter.lane.plan, session.id, (own,)) or (own if is_heard else None)
    if worker is None:
        fleet.queue_alarms.set(waiter, waiter.due, now)
        return
    fleet.queue_alarms.drop(waiter)
    fleet.queue.leave(waiter)
    _grant_one(fleet, waiter, worker, now)


def _grant_one(fleet: Fleet, waiter: Waiter, worker: Worker, now: float) -> None:
    request = waiter.request
    session = fleet.sessions.get(request.session)
    if session is None:
        session = place(fleet, request, waiter.lane.plan, worker, now)
    else:
        if session.worker is not worker:
            rehome(fleet, session, worker, now)
        reserve(fleet, session, request, now)
    fleet.granted[request.request] = session
    fleet.mail.put(request.gateway, Granted(request.request, session.claimed()))


def keep_usage(session: Session) -> None:
    """The attach that was held becomes the old one."""
    session.lacks_usage = session.lacks_usage or session.old_owes_report
    session.old_owes_report, session.owes_report = session.owes_report, False
    if session.old_usage is not NO_USAGE:
        session.usage += session.old_usage
    session.old_usage = session.attach_usage
    session.old_fence = session.fence
    session.attach_usage = NO_USAGE
