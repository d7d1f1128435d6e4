"""Gateways' leases, and what a gateway's silence, return or goodbye means for the attaches it held."""

from __future__ import annotations

from moorage.errors import Code
from moorage.ids import GatewayId, SessionId
from scheduler.io.memory.adopting import bring_back, is_evidence, is_young, open_window
from scheduler.io.memory.endings import leave_line
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.lives import hold, suspend
from scheduler.io.memory.records import Gateway, Session
from scheduler.io.memory.slots import drop_attach
from scheduler.values import Adopted, ClaimState, Done, GatewayCordoned, Held, Refused, Stale
from scheduler.workers import Health


def join(fleet: Fleet, gateway_id: GatewayId, node: str, now: float) -> None:
    """A lease begins. One that is cordoned hears so again: it may be another process."""
    known = fleet.gateways.get(gateway_id)
    is_cordoned = known is not None and known.is_cordoned
    fleet.gateways[gateway_id] = Gateway(gateway_id, node, now, is_cordoned=is_cordoned)
    if is_cordoned:
        fleet.mail.put(gateway_id, GatewayCordoned(True))


def renew(fleet: Fleet, gateway_id: GatewayId, now: float) -> bool:
    """The lease goes on, also one that had lapsed. False for one that is not known."""
    gateway = fleet.gateways.get(gateway_id)
    if gateway is None:
        return False
    gateway.renewed_at = now
    gateway.is_lapsed = False
    return True


def adopt(fleet: Fleet, gateway_id: GatewayId, held: list[Held], now: float) -> Adopted:
    """All that this gateway relays. What the store had given up is held again if nobody took it since."""
    if not renew(fleet, gateway_id, now):
        join(fleet, gateway_id, "", now)
    _look_for_evidence(fleet, fleet.gateways[gateway_id], held, now)
    stale: list[Stale] = []
    kept: set[SessionId] = set()
    waiting = 0
    for one in held:
        answer = _adopt_one(fleet, gateway_id, one, now)
        if answer is None:
            waiting += 1
        elif isinstance(answer, Stale):
            stale.append(answer)
        else:
            kept.add(one.session)
    for session in held_by(fleet, gateway_id):
        is_settled = now - session.held_since >= fleet.policy.suspect_after  # a younger one may have crossed the list
        if session.id not in kept and session.state is ClaimState.HELD and is_settled:
            suspend(fleet, session, now, is_lost=False)
    return Adopted(stale, waiting)


def leave(fleet: Fleet, gateway_id: GatewayId, now: float) -> None:
    """An orderly end: what it held is suspended, what it reserved or waited for is free."""
    fleet.gateways.pop(gateway_id, None)
    _leave_lines(fleet, gateway_id, now)
    for session in held_by(fleet, gateway_id):
        drop_attach(fleet, session, now)
    fleet.mail.close(gateway_id)


def cordon(fleet: Fleet, gateway_id: GatewayId, *, is_cordoned: bool) -> Done | Refused:
    """The gateway hears what is new to it."""
    gateway = fleet.gateways.get(gateway_id)
    if gateway is None:
        return Refused(Code.NOT_FOUND, f"no gateway {gateway_id}")
    if gateway.is_cordoned is not is_cordoned:
        gateway.is_cordoned = is_cordoned
        fleet.mail.put(gateway_id, GatewayCordoned(is_cordoned))
    return Done()


def lapse_silent(fleet: Fleet, now: float) -> None:
    """Gateways without a sign for GATEWAY_LOST_AFTER. Their attaches stay held unless the worker saw them go too."""
    for gateway in list(fleet.gateways.values()):
        silence = now - gateway.renewed_at
        if silence >= fleet.policy.forget_gateway_seconds:
            del fleet.gateways[gateway.id]
            fleet.mail.close(gateway.id)
        elif silence >= fleet.policy.gateway_lost_after and not gateway.is_lapsed:
            gateway.is_lapsed = True
            _leave_lines(fleet, gateway.id, now)
            for session in held_by(fleet, gateway.id):
                if session.state is ClaimState.HELD and session.detached_at is not None:
                    suspend(fleet, session, now, is_lost=False, held_until=session.detached_at)


def _look_for_evidence(fleet: Fleet, gateway: Gateway, held: list[Held], now: float) -> None:
    if gateway.is_new and is_young(fleet, now):
        for region in {one.region for one in held if is_evidence(fleet, one, now)}:
            open_window(fleet, region, now)
    gateway.is_new = False


def _adopt_one(fleet: Fleet, gateway_id: GatewayId, held: Held, now: float) -> Session | Stale | None:
    session = fleet.sessions.get(held.session)
    if session is None or session.fence < held.fence:
        return bring_back(fleet, gateway_id, held, now)
    if session.fence > held.fence or not _take_up(fleet, session, gateway_id, now):
        return Stale(held.session, session.fence)
    return session


def _take_up(fleet: Fleet, session: Session, gateway_id: GatewayId, now: float) -> bool:
    worker = session.worker
    if worker.health is Health.LOST or worker.id not in fleet.workers:
        return False
    if fleet.queue.of_session(session.id) is not None:  # a later connection waits for another worker
        return False
    session.gateway = gateway_id
    if session.state is not ClaimState.HELD:
        hold(fleet, session, now)
    return True


def held_by(fleet: Fleet, gateway_id: GatewayId) -> list[Session]:
    """A scan: gateways come and go seldom, sessions often, so no table is kept for this."""
    return [
        session
        for session in fleet.sessions.values()
        if session.gateway == gateway_id and session.state is not ClaimState.SUSPENDED
    ]


def _leave_lines(fleet: Fleet, gateway_id: GatewayId, now: float) -> None:
    for waiter in [waiter for waiter in fleet.queue if waiter.request.gateway == gateway_id]:
        leave_line(fleet, waiter, now)
