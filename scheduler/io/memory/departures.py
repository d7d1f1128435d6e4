"""Telling attached sessions to go: from a drained worker to another one, from a gateway to another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from moorage.errors import Code
from moorage.ids import GatewayId, WorkerId
from scheduler.drains import TOLD_AGAIN_AFTER, retry_after
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.gateways import held_by
from scheduler.io.memory.records import Session, Worker
from scheduler.placement import Plan
from scheduler.values import ClaimState, CloseSession


def move_away(fleet: Fleet, of: WorkerId | GatewayId, most: int, now: float) -> int:
    """Tells at most so many; answers how many."""
    told = 0
    for session in _candidates(fleet, of):
        if told >= most:
            break
        if session.state is not ClaimState.HELD or session.told_at + TOLD_AGAIN_AFTER > now:
            continue
        session.told_at = now
        notice = CloseSession(session.id, session.fence, Code.DRAINING, retry_after(fleet.draw))
        fleet.mail.put(session.gateway, notice)
        told += 1
    return told


def _candidates(fleet: Fleet, of: WorkerId | GatewayId) -> Iterable[Session]:
    """A gateway's sessions stay on their worker: they need no room."""
    worker = fleet.workers.get(WorkerId(of))
    return held_by(fleet, GatewayId(of)) if worker is None else _movable(fleet, worker)


def _movable(fleet: Fleet, worker: Worker) -> Iterator[Session]:
    """Those that some other worker has room for. What they want is alike: it is looked up once a plan."""
    has_room: dict[Plan, bool] = {}
    for session in worker.sessions:
        plan = session.plan
        if plan not in has_room:
            has_room[plan] = fleet.index.choose_other(plan, session.id, (worker,)) is not None
        if has_room[plan]:
            yield session
