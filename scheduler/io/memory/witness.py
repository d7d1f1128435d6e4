"""What workers say of sessions, against what the store knows. A worker can lose a session or end it, with the fence it
got; it cannot make one. What it should not have it is told to end."""

from __future__ import annotations

from collections.abc import Iterable

from moorage.errors import Code
from scheduler.io.memory.adopting import drop_orphan, keep_orphans
from scheduler.io.memory.duties import settle, unknown
from scheduler.io.memory.endings import finish
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.leases import recover, watch_lease
from scheduler.io.memory.lives import suspend
from scheduler.io.memory.records import Session, Worker
from scheduler.io.memory.slots import grant
from scheduler.values import (
    Beaten,
    ClaimState,
    CloseSession,
    Directive,
    End,
    Heartbeat,
    Order,
    Refused,
    SessionOnWorker,
    WorkerEnd,
    WorkerState,
)
from scheduler.workers import Health


def heartbeat(fleet: Fleet, beat: Heartbeat, now: float) -> Beaten | Refused:
    """Renews the lease, takes the witness, hands over orders. The same `seq` again answers the same orders."""
    worker = fleet.workers.get(beat.worker)
    if worker is None or worker.health is Health.LOST:
        return unknown(beat.worker)
    is_heard_again = recover(fleet, worker, now)
    watch_lease(fleet, worker, now)
    is_late = beat.seq < worker.seq  # perhaps over a link that the worker has left
    if not is_late:
        worker.link = beat.gateway
    if beat.seq > worker.seq:
        worker.seq = beat.seq
        worker.load = beat.load
        _hear(fleet, worker, beat, now)
        worker.delivered = tuple(worker.directives)
        worker.directives.clear()
    is_changed = not is_late and _hear_ready(worker, is_ready=beat.is_ready)
    if is_heard_again or is_changed:
        settle(fleet, worker, now)
    elif len(fleet.queue) and not is_late:
        grant(fleet, worker, now)
    return Beaten(beat.seq, worker.delivered if beat.seq == worker.seq else ())


def reconcile(fleet: Fleet, worker: Worker, listed: Iterable[SessionOnWorker], now: float) -> None:
    """A full list against the claims: adopts what agrees, ends what does not belong, suspends what is missing."""
    seen: set[Session] = set()
    for said in keep_orphans(fleet, worker, list(listed)):
        session = fleet.sessions.get(said.session)
        if (
            session is not None
            and session.worker is worker
            and said.fence > session.fence
            and _is_adopting(fleet, worker)
        ):
            seen.add(session)  # of a gateway that has not spoken yet
        elif session is None or session.worker is not worker or said.fence > session.fence:
            _forget(fleet, worker, said)
        else:
            seen.add(session)
            if said.fence == session.fence:
                _take(fleet, session, now, is_attached=said.is_attached)
    for session in [session for session in worker.sessions if session not in seen]:
        _miss(fleet, session, now)


def _is_adopting(fleet: Fleet, worker: Worker) -> bool:
    return worker.region in fleet.adopting


def _hear(fleet: Fleet, worker: Worker, beat: Heartbeat, now: float) -> None:
    for ended in beat.ended:
        _end(fleet, worker, ended, now)
    for said in (*beat.attached, *beat.detached):
        session = fleet.sessions.get(said.session)
        if said.session in worker.orphans:
            continue
        if session is None or session.worker is not worker:
            _forget(fleet, worker, said)
        elif session.fence == said.fence:
            _take(fleet, session, now, is_attached=said.is_attached)


def _hear_ready(worker: Worker, *, is_ready: bool) -> bool:
    if worker.is_ready is is_ready:
        return False
    worker.is_ready = is_ready
    if is_ready and worker.duty is WorkerState.STARTING:
        worker.duty = WorkerState.SERVING
    elif not is_ready and worker.duty is WorkerState.SERVING:
        worker.duty = WorkerState.STARTING
    return True


def _take(fleet: Fleet, session: Session, now: float, *, is_attached: bool) -> None:
    """The worker has this attach: a lost session found again, or a connection that it saw go."""
    if session.state is ClaimState.SUSPENDED:
        session.is_displaced = False
    if session.state is not ClaimState.HELD:
        return
    if is_attached:
        session.detached_at = None
        return
    if session.detached_at is None:
        session.detached_at = now
    if not fleet.is_gateway_alive(session.gateway):
        suspend(fleet, session, now, is_lost=False, held_until=session.detached_at)


def _miss(fleet: Fleet, session: Session, now: float) -> None:
    """A worker does not have what it should. A younger attach may have crossed the list on its way."""
    if session.state is ClaimState.SUSPENDED:
        session.is_displaced = True
    elif session.state is ClaimState.HELD and now - session.held_since >= fleet.policy.suspect_after:
        fleet.mail.put(session.gateway, CloseSession(session.id, session.fence, Code.WORKER_LOST))
        suspend(fleet, session, now, is_lost=True)


def _end(fleet: Fleet, worker: Worker, ended: WorkerEnd, now: float) -> None:
    drop_orphan(fleet, worker, ended.session)
    session = fleet.sessions.get(ended.session)
    if session is None or session.worker is not worker or session.fence != ended.fence:
        return
    wish = End(ended.session, ended.outcome, Code.SESSION_ENDED, ended.reason, "worker", ended.fence)
    finish(fleet, session, wish, now)


def _forget(fleet: Fleet, worker: Worker, said: SessionOnWorker) -> None:
    fleet.direct(worker, Directive(Order.END_SESSION, said.session, said.fence, reason="NOT_YOURS"))
