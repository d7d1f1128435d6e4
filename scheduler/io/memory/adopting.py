"""After a loss of data: what workers and gateways bring back, and the window in which nothing new is placed over it.

Evidence opens a region's window: a worker returns under an id that the store never gave, with sessions; or a gateway that it
did not know relays sessions. It counts only while the store is young: an old store knows better. In the window sessions that
a worker lists are its orphans, which keep their slots; a gateway that relays one makes it a claim again, with its fence.
"""

from __future__ import annotations

from moorage.errors import Code
from moorage.ids import GatewayId, RequestId, SessionId
from scheduler.io.memory.duties import settle
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.lives import hold, leave_state
from scheduler.io.memory.records import Session, Worker
from scheduler.io.memory.slots import keep_usage, rehome
from scheduler.values import (
    ClaimRequest,
    ClaimState,
    CloseSession,
    Directive,
    Held,
    Order,
    SessionOnWorker,
    Stale,
    Wanted,
)
from scheduler.workers import Health


def is_young(fleet: Fleet, now: float) -> bool:
    """Whether what is unknown here may be so because the store lost it."""
    return now - fleet.born_at < fleet.policy.adoption_seconds


def is_newborn(fleet: Fleet, now: float) -> bool:
    """Whether workers that live may not have had the time to register. Where nothing can be adopted none did before."""
    policy = fleet.policy
    return policy.adoption_seconds > 0 and now - fleet.born_at < policy.worker_lost_after


def open_window(fleet: Fleet, region: str, now: float) -> None:
    """Nothing new in this region until it ends. One that is open stays as it is."""
    if region in fleet.adopting or fleet.policy.adoption_seconds <= 0:
        return
    fleet.adopting[region] = now + fleet.policy.adoption_seconds
    for worker in fleet.workers.values():
        if worker.region == region:
            fleet.index.close(worker)


def end_windows(fleet: Fleet, now: float) -> None:
    """Orphans that nobody adopted are told to end; there is room again."""
    over = [region for region, until in fleet.adopting.items() if until <= now]
    for region in over:
        del fleet.adopting[region]
    for worker in list(fleet.workers.values()) if over else ():
        if worker.region in over:
            for session, fence in worker.orphans.items():
                fleet.direct(worker, Directive(Order.END_SESSION, session, fence, None, "NOT_ADOPTED"))
            drop_orphans(fleet, worker)
            settle(fleet, worker, now)


def keep_orphans(fleet: Fleet, worker: Worker, listed: list[SessionOnWorker]) -> list[SessionOnWorker]:
    """Those of a full list that may be adopted, as far as there are slots; answers the others."""
    drop_orphans(fleet, worker)
    if worker.region not in fleet.adopting:
        return listed
    others: list[SessionOnWorker] = []
    for said in sorted(listed, key=lambda said: not said.is_attached):
        if said.session in fleet.sessions or said.session in fleet.tombstones or worker.free <= 0:
            others.append(said)
        elif said.session not in worker.orphans:
            fleet.index.take(worker)
            worker.orphans[said.session] = said.fence
    return others


def drop_orphan(fleet: Fleet, worker: Worker, session: SessionId) -> None:
    """It is over, or a claim now; its slot is free."""
    if worker.orphans.pop(session, None) is not None:
        fleet.index.give(worker)


def drop_orphans(fleet: Fleet, worker: Worker) -> None:
    """All of a worker's."""
    for session in list(worker.orphans):
        drop_orphan(fleet, worker, session)


def bring_back(fleet: Fleet, gateway: GatewayId, held: Held, now: float) -> Session | Stale | None:
    """A session that the store does not know, or knows with a lower fence, as a gateway relays it; None while its worker
    is not back."""
    session = fleet.sessions.get(held.session)
    if _is_over(fleet, held, now):
        return Stale(held.session, None)
    worker = fleet.workers.get(held.worker)
    region = held.region if worker is None else worker.region
    if region not in fleet.adopting:
        return Stale(held.session, None if session is None else session.fence)
    if worker is None or worker.health is Health.LOST:
        return None
    newest = worker.orphans.get(held.session, 0)
    if newest > held.fence:
        return Stale(held.session, newest)
    drop_orphan(fleet, worker, held.session)
    if session is not None:
        return _take_from_older(fleet, session, worker, gateway, held, now)
    if worker.free <= 0:
        return Stale(held.session, held.fence)  # not over: there is no room for it here
    return _claim_anew(fleet, worker, gateway, held, now)


def is_evidence(fleet: Fleet, held: Held, now: float) -> bool:
    """Whether only a loss of data explains that this session is not known."""
    return held.session not in fleet.sessions and not _is_over(fleet, held, now)


def _is_over(fleet: Fleet, held: Held, now: float) -> bool:
    """Ended, revoked or expired. Revocations of a user or a key spare younger tokens: those its gateway knows."""
    return (
        held.session in fleet.tombstones or held.expires_at <= now or fleet.revocations.names("session", held.session)
    )


def _claim_anew(fleet: Fleet, worker: Worker, gateway: GatewayId, held: Held, now: float) -> Session:
    request = ClaimRequest(
        RequestId(f"adopted.{held.session}.{held.fence}"),
        held.session,
        held.workspace,
        held.user,
        held.key,
        gateway,
        Wanted(),
        held.expires_at,
        held.resume_seconds,
        0.0,
    )
    session = Session(request, fleet.index.plan(request.wanted), worker)
    fleet.index.take(worker)
    worker.sessions[session] = None
    fleet.sessions[session.id] = session
    fleet.limits.add(held.user, held.key, held.workspace)
    session.state = ClaimState.RESERVED
    session.is_adopted = True
    session.started_at = now  # when it really began only its row knows
    fleet.alarms.set(session, held.expires_at, now)
    _take_on(fleet, session, held, now)
    return session


def _take_from_older(
    fleet: Fleet, session: Session, worker: Worker, gateway: GatewayId, held: Held, now: float
) -> Session | Stale:
    """An older attach was adopted first, of a gateway that had lost its client without knowing."""
    if session.worker is not worker and worker.free <= 0:
        return Stale(held.session, held.fence)
    if session.state is not ClaimState.SUSPENDED:
        fleet.mail.put(session.gateway, CloseSession(session.id, session.fence, Code.SESSION_SUPERSEDED))
    leave_state(session, now)
    session.state = ClaimState.RESERVED
    if session.worker is not worker:
        rehome(fleet, session, worker, now)
    keep_usage(session)
    session.gateway = gateway
    _take_on(fleet, session, held, now)
    return session


def _take_on(fleet: Fleet, session: Session, held: Held, now: float) -> None:
    session.fence = held.fence
    fleet.fence = max(fleet.fence, held.fence)
    session.attach_usage = held.usage
    hold(fleet, session, now, is_adopted=True)
