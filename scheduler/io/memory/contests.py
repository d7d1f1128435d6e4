"""`reject`: a second connection asks, the first one's gateway pings its client, and silence loses."""

from __future__ import annotations

from moorage.errors import Code
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.records import Contest, Session
from scheduler.io.memory.slots import drop_attach
from scheduler.values import ClaimRequest, ClaimState, CloseSession, Contested, Probed, ProbeSession, Refused


def contest(fleet: Fleet, session: Session, request: ClaimRequest, now: float) -> Contested | Refused | None:
    """Asks the holder; None when its gateway's lease has lapsed: there is nobody to ask."""
    if not fleet.is_gateway_alive(session.gateway):
        return None
    known = fleet.contests.get(request.request)
    if known is not None:
        return Contested(request.request, known.fence)
    if len(fleet.contests) >= fleet.policy.queue_waiters:
        return Refused(Code.SESSION_SUPERSEDED, "the session has a connection, and too many are being asked")
    deadline = now + fleet.policy.probe_seconds
    fleet.contests[request.request] = Contest(request.request, session, session.fence, request.gateway, deadline)
    fleet.mail.put(session.gateway, ProbeSession(session.id, session.fence, request.request))
    return Contested(request.request, session.fence)


def probed(fleet: Fleet, probe: ProbeSession, now: float, *, is_alive: bool) -> None:
    """The holder's answer. An answer nobody waits for, or about another attach, changes nothing."""
    known = fleet.contests.get(probe.request)
    if known is None or known.session.id != probe.session or known.fence != probe.fence:
        return
    del fleet.contests[probe.request]
    if not is_alive:
        _drop_dead(fleet, known, now)
    fleet.mail.put(known.asker, Probed(probe.request, is_alive))


def give_up_waiting(fleet: Fleet, now: float) -> None:
    """Holders that did not answer in time are dead."""
    for known in list(fleet.contests.values()):  # in the order of their deadlines
        if known.deadline > now:
            return
        del fleet.contests[known.request]
        _drop_dead(fleet, known, now)
        fleet.mail.put(known.asker, Probed(known.request, is_alive=False))


def _drop_dead(fleet: Fleet, known: Contest, now: float) -> None:
    session = known.session
    if session.fence != known.fence or session.state not in (ClaimState.RESERVED, ClaimState.HELD):
        return
    fleet.mail.put(session.gateway, CloseSession(session.id, session.fence, Code.SESSION_SUPERSEDED))
    drop_attach(fleet, session, now)
