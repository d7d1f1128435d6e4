"""An attach, from its request to its slot: the first placement, the way back to the slot, the queue, another worker."""

from __future__ import annotations

from math import inf

from moorage.errors import Code
from moorage.ids import RequestId, SessionId
from scheduler.io.memory.adopting import is_newborn
from scheduler.io.memory.contests import contest
from scheduler.io.memory.endings import dismiss, leave_line
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.records import Session, Worker
from scheduler.io.memory.slots import drop_attach, give_up, place, rehome, reserve
from scheduler.io.memory.views import eta_seconds
from scheduler.placement import Plan
from scheduler.queue import Waiter
from scheduler.values import (
    NEWBORN,
    Claimed,
    ClaimRequest,
    ClaimState,
    CloseSession,
    Contested,
    Done,
    Duplicates,
    Queued,
    QueueRefused,
    Refused,
    Stale,
)
from scheduler.workers import Health

_SUPERSEDED = Refused(Code.SESSION_SUPERSEDED, "a later connection took this session over")


def claim(fleet: Fleet, request: ClaimRequest, now: float) -> Claimed | Queued | Contested | Refused:
    """One attach. The same request again answers the same."""
    session = fleet.sessions.get(request.session)
    if session is None:
        refused = _refusal(fleet, request, now)
        if refused is not None:
            return refused
        if len(fleet.queue):
            waiter = fleet.queue.of_session(request.session)
            if waiter is not None:
                return _wait_again(fleet, waiter, request, now)
        return _place_first(fleet, request, now)
    if session.request == request.request and session.state is not ClaimState.SUSPENDED:
        return session.claimed()
    if session.old_request == request.request:
        return _SUPERSEDED
    refused = _refusal(fleet, request, now)
    return refused if refused is not None else _attach_again(fleet, session, request, now)


def move(fleet: Fleet, session_id: SessionId, fence: int, now: float) -> Claimed | Refused | Stale:
    """The claimed worker did not answer: one not tried yet, with the fence and the reservation there are."""
    session = fleet.fenced(session_id, fence)
    if isinstance(session, Stale):
        return session
    if session.state is not ClaimState.RESERVED:
        return Stale(session_id, fence)
    other = _choose_untried(fleet, session)
    if other is None:
        return _no_other(fleet)
    rehome(fleet, session, other, now)
    return session.claimed()


def release(fleet: Fleet, session_id: SessionId, fence: int, now: float) -> Done | Stale:
    """The attach failed before its 101."""
    session = fleet.fenced(session_id, fence)
    if isinstance(session, Stale):
        return session
    if session.state is ClaimState.HELD:
        return Stale(session_id, fence)
    if session.state is ClaimState.RESERVED:
        give_up(fleet, session, now)
    return Done()


def leave_queue(fleet: Fleet, request: RequestId, session_id: SessionId | None, now: float) -> None:
    """The waiter is gone, or its grant, or what it got at once, is not wanted any more."""
    waiter = fleet.queue.of_request(request)
    if waiter is not None:
        leave_line(fleet, waiter, now)
        return
    session = fleet.granted.get(request) or (fleet.sessions.get(session_id) if session_id else None)
    if session is not None and session.request == request and session.state is ClaimState.RESERVED:
        give_up(fleet, session, now)


def _refusal(fleet: Fleet, request: ClaimRequest, now: float) -> Refused | None:
    code = fleet.tombstones.code(request.session)
    if code is not None:
        return Refused(code, "the session is over; create another one")
    if not fleet.revocations.is_empty and fleet.revocations.covers(request):
        return Refused(Code.SESSION_ENDED, "the session, its user, key or workspace was revoked")
    if fleet.log.is_full:
        return Refused(Code.STORE_UNAVAILABLE, "events wait to be read; nothing new until then", 1.0)
    if request.expires_at <= now and request.session not in fleet.sessions:
        return Refused(Code.SESSION_EXPIRED, "the session's time to live is over")
    return None


def _place_first(fleet: Fleet, request: ClaimRequest, now: float) -> Claimed | Queued | Refused:
    broken = fleet.limits.broken_by(request)
    if broken is not None:
        return Refused(Code.SESSION_LIMIT_EXCEEDED, broken)
    plan = fleet.index.plan(request.wanted)
    worker = fleet.index.choose(plan, request.session)
    if worker is None:
        queued = _wait(fleet, request, plan, now)
        if isinstance(queued, Queued):
            fleet.limits.add(request.user, request.key, request.workspace)
        return queued
    fleet.limits.add(request.user, request.key, request.workspace)
    return place(fleet, request, plan, worker, now).claimed()


def _attach_again(
    fleet: Fleet, session: Session, request: ClaimRequest, now: float
) -> Claimed | Queued | Contested | Refused:
    if request.unreached is not None:
        return _seek_on(fleet, session, request, now)
    if session.state is not ClaimState.SUSPENDED:
        if request.duplicates is Duplicates.REJECT:
            contested = contest(fleet, session, request, now)
            if contested is not None:
                return contested
        fleet.mail.put(session.gateway, CloseSession(session.id, session.fence, Code.SESSION_SUPERSEDED))
        fleet.granted.pop(session.request, None)
    elif len(fleet.queue):
        waiter = fleet.queue.of_session(session.id)
        if waiter is not None:
            return _wait_again(fleet, waiter, request, now)
    session.plan = fleet.index.plan(request.wanted)
    if _is_displaced(fleet, session, now):
        return _return_elsewhere(fleet, session, request, now)
    reserve(fleet, session, request, now)
    return session.claimed()


def _seek_on(fleet: Fleet, session: Session, request: ClaimRequest, now: float) -> Claimed | Queued | Refused:
    """The attach there is goes on: no worker that it tried has answered."""
    waiter = fleet.queue.of_session(session.id)
    if waiter is not None and waiter.request.request == request.request:
        return _queued(fleet, waiter, now)
    if waiter is not None or session.fence != request.unreached or session.state is ClaimState.HELD:
        return _SUPERSEDED
    if session.started_at is None:
        return _no_other(fleet)
    drop_attach(fleet, session, now)
    session.plan = fleet.index.plan(request.wanted)
    other = _choose_untried(fleet, session)
    if other is None:
        return _wait(fleet, request, session.plan, now, now + fleet.policy.suspect_after)
    rehome(fleet, session, other, now)
    reserve(fleet, session, request, now)
    return session.claimed()


def _choose_untried(fleet: Fleet, session: Session) -> Worker | None:
    """The worker that it has is one more that did not answer."""
    if session.worker not in session.tried:
        session.tried = (*session.tried, session.worker)
    tried = (fleet.workers.get(one.id, one) for one in session.tried)  # one that was removed may be back
    return fleet.index.choose_other(session.plan, session.id, tried)


def _no_other(fleet: Fleet) -> Refused:
    return Refused(Code.NO_CAPACITY, "no other worker has a free slot", fleet.policy.full_retry_seconds)


def _return_elsewhere(fleet: Fleet, session: Session, request: ClaimRequest, now: float) -> Claimed | Queued | Refused:
    """To another worker. To its own only if no other has room, and that serves (it may merely have cut one connection)
    or drains: a session does not end because there is nowhere to go."""
    drop_attach(fleet, session, now)
    if session.state is None:  # it was never attached: nothing binds it to a slot
        return _place_first(fleet, request, now)
    other = fleet.index.choose_other(session.plan, session.id, (session.worker,))
    if other is not None:
        rehome(fleet, session, other, now)
    elif not (session.worker.is_open or _is_home_kept(fleet, session)):
        return _wait(fleet, request, session.plan, now)
    reserve(fleet, session, request, now)
    return session.claimed()


def _is_displaced(fleet: Fleet, session: Session, now: float) -> bool:
    if _is_parted(fleet, session):
        return True
    draining = session.worker.draining
    return draining is not None and draining.is_over(now)


def _is_home_kept(fleet: Fleet, session: Session) -> bool:
    """Nothing but a drain stands between it and its slot."""
    return session.worker.draining is not None and not _is_parted(fleet, session)


def _is_parted(fleet: Fleet, session: Session) -> bool:
    """Its worker was lost to it, whatever the worker's duty."""
    worker = session.worker
    return session.is_displaced or worker.health is Health.LOST or worker.id not in fleet.workers


def _wait_again(
    fleet: Fleet, waiter: Waiter, request: ClaimRequest, now: float
) -> Claimed | Queued | Contested | Refused:
    """The same session asks while it waits: its newest connection stands in the old one's place."""
    old = waiter.request
    if old.request == request.request:
        return _queued(fleet, waiter, now)
    is_same = (old.workspace, old.user, old.key) == (request.workspace, request.user, request.key)
    if is_same and request.wait_seconds > 0 and waiter.lane.plan is fleet.index.plan(request.wanted):
        fleet.mail.put(old.gateway, QueueRefused(old.request, _SUPERSEDED))
        fleet.queue.take_over(waiter, request, now)
        fleet.queue_alarms.set(waiter, waiter.due, now)
        return _queued(fleet, waiter, now)
    dismiss(fleet, waiter, _SUPERSEDED, now)
    return claim(fleet, request, now)


def _wait(fleet: Fleet, request: ClaimRequest, plan: Plan, now: float, again_at: float = inf) -> Queued | Refused:
    retry = fleet.policy.full_retry_seconds
    opens_at = _opens_at(fleet, request)
    if opens_at is not None:
        why = "the store lost its data: nothing new is placed until gateways have named what they relay"
        return Refused(Code.STORE_UNAVAILABLE, why, max(opens_at - now, 0.1))
    if not fleet.has_hope(plan, now):
        if request.wait_seconds > 0 and is_newborn(fleet, now):
            return NEWBORN
        return Refused(Code.NO_CAPACITY, "no worker of these regions, pools and labels is known", retry)
    if request.wait_seconds <= 0:
        return Refused(Code.NO_CAPACITY, "every matching slot is taken", retry)
    waiter = fleet.queue.join(request, plan, now)
    if waiter is None:
        return Refused(Code.NO_CAPACITY, f"{len(fleet.queue)} wait already; the queue is full", retry)
    waiter.again_at = again_at
    fleet.queue_alarms.set(waiter, waiter.due, now)
    return _queued(fleet, waiter, now)


def _opens_at(fleet: Fleet, request: ClaimRequest) -> float | None:
    """When the first of the session's regions that adopt ends to do so."""
    if not fleet.adopting:
        return None
    regions = request.wanted.regions
    return min((until for region, until in fleet.adopting.items() if not regions or region in regions), default=None)


def _queued(fleet: Fleet, waiter: Waiter, now: float) -> Queued:
    return Queued(
        waiter.request.request, fleet.queue.position(waiter), eta_seconds(fleet, waiter, now), waiter.deadline
    )
