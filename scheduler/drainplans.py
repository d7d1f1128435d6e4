"""What drains ask of a fleet: which workers and gateways they cover, what is to be done to them, how far each drain is.

A drain of a pool or a region covers workers that join later too, and goes on doing so once it is done: only cancelling
it lets them serve again. Must not know: a store, clocks, or how fast sessions are told (scheduler/drainpace.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from moorage.ids import GatewayId, WorkerId
from scheduler.draincover import Coverage, Place, Places, Seen
from scheduler.values import Drain, DrainKind, DrainPlan, DrainState, WorkerState, WorkerView

UNDONE_FOR = 5.0  # seconds after a cancellation in which an order that was under way is undone once more
_SAME_INSTANT = 0.001  # stores may round


class Change(Enum):
    """What can happen to a drain."""

    DEADLINE = "deadline"
    EMPTY = "empty"
    ARRIVAL = "arrival"  # somebody came there before it was shut: a worker that joined, an attach that was under way
    CANCEL = "cancel"


NEXT: dict[tuple[DrainState, Change], DrainState] = {
    (DrainState.WAITING, Change.DEADLINE): DrainState.MOVING,
    (DrainState.WAITING, Change.EMPTY): DrainState.DONE,
    (DrainState.WAITING, Change.CANCEL): DrainState.CANCELLED,
    (DrainState.MOVING, Change.EMPTY): DrainState.DONE,
    (DrainState.MOVING, Change.CANCEL): DrainState.CANCELLED,
    (DrainState.DONE, Change.ARRIVAL): DrainState.MOVING,
    (DrainState.DONE, Change.CANCEL): DrainState.CANCELLED,
}


class NoSuchChange(ValueError):
    """A drain in that state cannot change so."""


def after(state: DrainState, change: Change) -> DrainState:
    """The state that follows. Raises NoSuchChange naming both."""
    try:
        return NEXT[state, change]
    except KeyError:
        raise NoSuchChange(f"a drain that is {state.value} knows no {change.value}") from None


@dataclass(frozen=True, slots=True)
class DrainWorker:
    """Put this worker under a drain, or give it another deadline."""

    worker: WorkerId
    drain: Drain


@dataclass(frozen=True, slots=True)
class UndrainWorker:
    """This worker serves again."""

    worker: WorkerId


@dataclass(frozen=True, slots=True)
class CordonGateway:
    """This gateway takes no new clients, or takes them again."""

    gateway: GatewayId
    is_cordoned: bool


Order = DrainWorker | UndrainWorker | CordonGateway


def is_running(plan: DrainPlan) -> bool:
    """Whether it still has something to do."""
    return plan.state in (DrainState.WAITING, DrainState.MOVING)


def is_in_force(plan: DrainPlan, place: Place) -> bool:
    """Whether it keeps something from taking sessions."""
    return is_running(plan) or (plan.state is DrainState.DONE and place.is_held)


def orders(plans: Sequence[DrainPlan], seen: Seen, now: float) -> list[Order]:
    """What has to be done so that the fleet is as the plans say. Carried out twice, it changes nothing."""
    coverage = Coverage(plans)
    found: list[Order] = []
    for worker in seen.workers:
        order = _worker_order(worker, coverage.of(worker), now)
        if order is not None:
            found.append(order)
    for gateway in seen.gateways:
        mine = coverage.at((DrainKind.GATEWAY, gateway.gateway))
        is_kept = any(plan.state is not DrainState.CANCELLED for plan in mine)
        if is_kept and not gateway.is_cordoned:
            found.append(CordonGateway(gateway.gateway, True))
        elif gateway.is_cordoned and not is_kept and any(_is_undoing(plan, now) for plan in mine):
            found.append(CordonGateway(gateway.gateway, False))
    return found


def advanced(plan: DrainPlan, place: Place, now: float, told: int = 0) -> DrainPlan:
    """The plan as it stands, `told` more sessions having been told."""
    if plan.state is DrainState.CANCELLED:
        return plan if plan.ended_at is not None else replace(plan, ended_at=now)
    if plan.state is DrainState.DONE:
        return _reopened(plan, place)
    plan = replace(plan, sessions_left=place.sessions, sessions_told=plan.sessions_told + told)
    if place.sessions == 0 and place.is_shut:
        return replace(plan, state=after(plan.state, Change.EMPTY), ended_at=now)
    if plan.state is DrainState.WAITING and now >= plan.deadline:
        return replace(plan, state=after(plan.state, Change.DEADLINE))
    return plan


def is_restless(plan: DrainPlan) -> bool:
    """Whether it wants to be looked at as often as can be; the others only keep what joins from serving."""
    return is_running(plan) or (plan.state is DrainState.CANCELLED and plan.ended_at is None)


def cancelled(plan: DrainPlan) -> DrainPlan:
    """Not undone yet: `ended_at` is written by whoever has seen to that. Raises NoSuchChange."""
    return replace(plan, state=after(plan.state, Change.CANCEL), ended_at=None)


def forgettable(
    plans: Iterable[DrainPlan], places: Places, now: float, kept_seconds: float, most: int
) -> list[DrainPlan]:
    """Plans that hold nothing any more and ended long ago; of younger ones the oldest, where there are too many."""
    over = [plan for plan in plans if plan.ended_at is not None and not is_in_force(plan, places.of(plan))]
    over.sort(key=lambda plan: plan.ended_at or 0.0)
    too_many = max(0, len(over) - most)
    return [plan for place, plan in enumerate(over) if place < too_many or now - (plan.ended_at or 0.0) >= kept_seconds]


def _reopened(plan: DrainPlan, place: Place) -> DrainPlan:
    """Goes on where there is somebody to move again. A worker has nobody who could still come."""
    if plan.kind is DrainKind.WORKER or not place.sessions or not place.is_held:
        return plan
    state = after(plan.state, Change.ARRIVAL)
    return replace(plan, state=state, sessions_left=place.sessions, ended_at=None)


def _worker_order(worker: WorkerView, plans: Sequence[DrainPlan], now: float) -> Order | None:
    if worker.state is WorkerState.RETIRED or not plans:
        return None
    enforced = [plan for plan in plans if is_running(plan) or (plan.state is DrainState.DONE and _is_place(plan))]
    if enforced:
        first = min(enforced, key=lambda plan: plan.deadline)
        if worker.drain is None or abs(worker.drain.deadline - first.deadline) > _SAME_INSTANT:
            return DrainWorker(worker.worker, Drain(first.deadline, first.rate_per_second))
        return None
    is_kept = any(plan.state is not DrainState.CANCELLED for plan in plans)
    if worker.drain is not None and not is_kept and any(_is_undoing(plan, now) for plan in plans):
        return UndrainWorker(worker.worker)
    return None


def _is_place(plan: DrainPlan) -> bool:
    """A place gets new workers; a worker that was emptied stays drained by itself."""
    return plan.kind in (DrainKind.POOL, DrainKind.REGION)


def _is_undoing(plan: DrainPlan, now: float) -> bool:
    is_cancelled = plan.state is DrainState.CANCELLED
    return is_cancelled and (plan.ended_at is None or now - plan.ended_at < UNDONE_FOR)
