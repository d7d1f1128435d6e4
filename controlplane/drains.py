"""Rules of drains over REST: which orders make sense, which are refused and why, and when one will be through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from moorage import ids
from moorage.errors import Code, MoorageError, error_for
from moorage.ids import GatewayId, KeyId, WorkerId
from scheduler.draincover import Coverage, Places, Seen, target_of
from scheduler.drainplans import is_in_force, is_running
from scheduler.values import DrainKind, DrainPlan, DrainState, WorkerState, WorkerView

MAX_RUNNING = 1000
_SAME = 0.01  # seconds and rates that only a store's rounding tells apart


@dataclass(frozen=True, slots=True)
class DrainWish:
    """What an operator asks for."""

    kind: DrainKind
    worker: WorkerId | None = None
    gateway: GatewayId | None = None
    region: str = ""
    pool: str = ""
    deadline_seconds: float | None = None  # from now,
    deadline: float | None = None  # or at this instant
    rate_per_second: float = 10.0
    reason: str = ""

    def plan(self, id_: str, by: KeyId, now: float) -> DrainPlan:
        """As the store keeps it."""
        deadline = self.deadline if self.deadline is not None else now + (self.deadline_seconds or 0.0)
        return DrainPlan(
            id=id_,
            kind=self.kind,
            worker=self.worker,
            gateway=self.gateway,
            region=self.region,
            pool=self.pool,
            deadline=deadline,
            rate_per_second=self.rate_per_second,
            reason=self.reason,
            by=by,
            started_at=now,
        )


def id_for(key: KeyId, name: str) -> str:
    """The id of the drain that this API key orders under this idempotency key: the same one each time."""
    digest = sha256(f"{key} {name}".encode()).digest()
    return ids.make("drn", 0.0, lambda count: digest[:count])


def is_same(plan: DrainPlan, wish: DrainWish) -> bool:
    """Whether the plan is what was asked for."""
    asked = wish.plan(plan.id, KeyId(plan.by), plan.started_at)
    return (
        target_of(plan) == target_of(asked)
        and plan.reason == asked.reason
        and abs(plan.rate_per_second - asked.rate_per_second) < _SAME
        and abs(plan.deadline - asked.deadline) < _SAME
    )


def flaw(plan: DrainPlan, plans: Sequence[DrainPlan], seen: Seen) -> MoorageError | None:
    """Why this drain cannot begin: nothing there, one that runs already, or nowhere for clients to go."""
    missing = _missing(plan, seen)
    if missing is not None:
        return missing
    places = Places(seen)
    for other in plans:
        if target_of(other) == target_of(plan) and is_in_force(other, places.of(other)):
            return error_for(
                Code.CONFLICT, f"{other.id} drains this already, it is {other.state.value}: cancel it first"
            )
    if sum(map(is_running, plans)) >= MAX_RUNNING:
        return error_for(Code.CONFLICT, f"{MAX_RUNNING} drains run already: wait, or drain a pool or a region")
    return None


def rival(plan: DrainPlan, plans: Iterable[DrainPlan]) -> DrainPlan | None:
    """A drain of the same that began at the same time somewhere else, and goes first."""
    mine = (plan.started_at, plan.id)
    rivals = [other for other in plans if target_of(other) == target_of(plan) and is_running(other)]
    return next((other for other in rivals if (other.started_at, other.id) < mine), None)


def own_drains(plans: Iterable[DrainPlan], worker: WorkerView) -> list[DrainPlan]:
    """Those of just this worker that can be cancelled. Raises CONFLICT where its pool's or region's drain holds it."""
    holding = [plan for plan in Coverage(plans).of(worker) if plan.state is not DrainState.CANCELLED]
    for plan in holding:
        if plan.kind is not DrainKind.WORKER:
            what = f"{plan.id} drains its {plan.kind.value}: cancel that one for all of its workers to serve"
            raise error_for(Code.CONFLICT, what)
    return holding


def eta_seconds(plan: DrainPlan, now: float) -> float | None:
    """Until it is through, where all can go; None when it is over."""
    if not is_running(plan):
        return None
    return max(0.0, plan.deadline - now) + plan.sessions_left / plan.rate_per_second


def _missing(plan: DrainPlan, seen: Seen) -> MoorageError | None:
    match plan.kind:
        case DrainKind.WORKER:
            return _missing_worker(plan, seen)
        case DrainKind.GATEWAY:
            return _missing_gateway(plan, seen)
        case DrainKind.POOL if not any((view.region, view.pool) == (plan.region, plan.pool) for view in seen.workers):
            return error_for(Code.UNPROCESSABLE, f"pool: no worker of pool {plan.pool!r} in region {plan.region!r}")
        case DrainKind.REGION if not any(view.region == plan.region for view in seen.workers):
            return error_for(Code.UNPROCESSABLE, f"region: no worker in region {plan.region!r}")
        case _:
            return None


def _missing_worker(plan: DrainPlan, seen: Seen) -> MoorageError | None:
    view = next((view for view in seen.workers if view.worker == plan.worker), None)
    if view is None:
        return error_for(Code.WORKER_NOT_FOUND, f"no worker {plan.worker}")
    if view.state is WorkerState.RETIRED:
        return error_for(Code.CONFLICT, "a worker that is retired cannot drain")
    return None


def _missing_gateway(plan: DrainPlan, seen: Seen) -> MoorageError | None:
    live = [view for view in seen.gateways if view.is_live]
    if not any(view.gateway == plan.gateway for view in live):
        return error_for(Code.NOT_FOUND, f"no live gateway {plan.gateway}")
    if not any(view.gateway != plan.gateway and view.node and not view.is_cordoned for view in live):
        return error_for(Code.CONFLICT, "no other gateway takes clients: start one first")
    return None
