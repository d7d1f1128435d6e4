"""Acts on drains: ordered and called off here, worked off by whichever process has the drainer's role."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from controlplane.drains import DrainWish, flaw, id_for, is_same, own_drains, rival
from controlplane.io import workers
from controlplane.io.context import Context
from controlplane.keys import Caller
from moorage.errors import Code, error_for
from moorage.ids import WorkerId
from scheduler.draincover import Places, Seen
from scheduler.drainplans import NoSuchChange
from scheduler.io import drainorders
from scheduler.values import DrainPlan, DrainState

_log = structlog.get_logger("moorage.controlplane.drains")


@dataclass(frozen=True, slots=True)
class Ordered:
    """A drain, and whether an earlier request with the same Idempotency-Key had begun it."""

    plan: DrainPlan
    is_replay: bool = False


async def weigh(context: Context, caller: Caller, wish: DrainWish) -> DrainPlan:
    """What `order` would begin. Raises WORKER_NOT_FOUND, NOT_FOUND, CONFLICT, UNPROCESSABLE."""
    return await _checked(context, wish.plan(context.new_id("drn"), caller.key, context.store.now()))


async def order(context: Context, caller: Caller, wish: DrainWish, once: str | None = None) -> Ordered:
    """Nothing new comes to it when this returns. Raises what `weigh` raises."""
    id_ = context.new_id("drn") if once is None else id_for(caller.key, once)
    known = next((plan for plan in await context.store.drains() if plan.id == id_), None)
    if known is not None:
        if not is_same(known, wish):
            raise error_for(Code.CONFLICT, "this Idempotency-Key ordered another drain")
        return Ordered(known, is_replay=True)
    plan = await _checked(context, wish.plan(id_, caller.key, context.store.now()))
    await drainorders.begin(context.store, plan)
    earlier = rival(plan, await context.store.drains())
    if earlier is not None:
        await drainorders.cancel(context.store, plan)
        raise error_for(Code.CONFLICT, f"{earlier.id} drains this already")
    _log.info("drain_ordered", drain=plan.id, kind=plan.kind.value, by=plan.by, reason=plan.reason)
    return Ordered(plan)


async def find(context: Context, drain: str) -> DrainPlan:
    """Raises NOT_FOUND."""
    for plan in await context.store.drains():
        if plan.id == drain:
            return plan
    raise error_for(Code.NOT_FOUND, f"no drain {drain[:40]!r}; those that are over are forgotten after a while")


async def cancel(context: Context, caller: Caller, drain: str) -> DrainPlan:
    """What it held serves again. One that was cancelled is answered as it is. Raises NOT_FOUND."""
    plan = await find(context, drain)
    try:
        cancelled = await drainorders.cancel(context.store, plan)
    except NoSuchChange:
        return plan
    _log.info("drain_cancelled", drain=plan.id, by=caller.key, was=plan.state.value)
    return cancelled


async def let_serve(context: Context, worker: WorkerId) -> None:
    """Ends a worker's cordon and its own drains. Raises WORKER_NOT_FOUND, CONFLICT where another drain holds it."""
    view = await workers.find(context, worker)
    for plan in own_drains(await context.store.drains(), view):
        if plan.state is not DrainState.CANCELLED:
            await drainorders.cancel(context.store, plan)
    workers.done(await context.store.uncordon(worker))


async def _checked(context: Context, plan: DrainPlan) -> DrainPlan:
    store = context.store
    seen = Seen(await store.workers(), await store.gateways())
    refused = flaw(plan, await store.drains(), seen)
    if refused is not None:
        raise refused
    sessions = Places(seen).of(plan).sessions
    return replace(plan, sessions_at_start=sessions, sessions_left=sessions)
