"""Ordering drains and calling them off: the plan is written first, so that whoever comes next goes on with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from scheduler.draincover import Seen
from scheduler.drainplans import CordonGateway, DrainWorker, Order, UndrainWorker, cancelled, orders
from scheduler.store import Store
from scheduler.values import DrainKind, DrainPlan


async def look(store: Store, plans: Sequence[DrainPlan]) -> Seen:
    """As much of the fleet as these plans are about. Raises Unavailable."""
    has_gateway = any(plan.kind is DrainKind.GATEWAY for plan in plans)
    return Seen(await store.workers(), await store.gateways() if has_gateway else ())


async def begin(store: Store, plan: DrainPlan) -> None:
    """Takes effect before this returns; its sessions are the drainer's. Raises Unavailable."""
    await store.put_drain(plan)
    await enforce(store, await store.drains())


async def cancel(store: Store, plan: DrainPlan) -> DrainPlan:
    """What it drained takes sessions again, unless another drain covers it. Raises NoSuchChange, Unavailable."""
    plan = cancelled(plan)
    await store.put_drain(plan)
    await enforce(store, await store.drains())
    return plan


async def enforce(store: Store, plans: Sequence[DrainPlan]) -> Seen:
    """Makes the fleet as the plans say, and answers what was seen before. Raises Unavailable."""
    seen = await look(store, plans)
    for order in orders(plans, seen, store.now()):
        await _carry_out(store, order)
    return seen


async def _carry_out(store: Store, order: Order) -> None:
    """What is refused has changed since it was seen: the next look decides anew."""
    match order:
        case DrainWorker():
            await store.drain(order.worker, order.drain)
        case UndrainWorker():
            await store.uncordon(order.worker)
        case CordonGateway():
            await store.cordon_gateway(order.gateway, is_cordoned=order.is_cordoned)
        case _:
            assert_never(order)
