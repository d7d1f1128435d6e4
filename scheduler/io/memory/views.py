"""What readers see: values made on demand, changing nothing."""

from __future__ import annotations

from collections import Counter

from moorage.ids import GatewayId, SessionId
from scheduler.coming import eta_seconds as pool_eta_seconds
from scheduler.io.memory.fleet import Fleet
from scheduler.placement import Plan
from scheduler.queue import Waiter
from scheduler.values import ClaimState, EndRecord, GatewayView, PoolView, QueueView, SessionView


def session_view(fleet: Fleet, session_id: SessionId, now: float) -> SessionView | EndRecord | None:
    """Live, or ended not long ago."""
    session = fleet.sessions.get(session_id)
    return session.view(now) if session is not None else fleet.tombstones.record(session_id)


def queue_view(fleet: Fleet, session_id: SessionId, now: float) -> QueueView | None:
    """A waiting session's place."""
    waiter = fleet.queue.of_session(session_id)
    if waiter is None:
        return None
    return QueueView(session_id, fleet.queue.position(waiter), eta_seconds(fleet, waiter, now), now - waiter.since)


def eta_seconds(fleet: Fleet, waiter: Waiter, now: float) -> float | None:
    """From the grants of late; where there were none, from what a pool that grows takes to."""
    by_pace = fleet.queue.eta_seconds(waiter, now)
    if by_pace is not None:
        return by_pace
    return pool_eta_seconds(fleet.coming.serving(waiter.lane.plan.wanted, now))


def pool_views(fleet: Fleet, now: float) -> list[PoolView]:
    """Room by region and pool. A waiter counts for the first pool that is scaled and could serve it, else for the first
    one; by name."""
    rooms: dict[tuple[str, str], list[int]] = {place: [0, 0, 0, 0, 0] for place in fleet.coming.hopeful(now)}
    for worker in fleet.workers.values():
        room = rooms.setdefault((worker.region, worker.pool), [0, 0, 0, 0, 0])
        room[0] += 1
        room[1] += worker.slots
        room[2] += worker.used
        if worker.is_open:
            room[3] += worker.free
    for place, count in waiting(fleet, now).items():
        rooms[place][4] = count
    return [PoolView(region, pool, *room) for (region, pool), room in sorted(rooms.items())]


def waiting(fleet: Fleet, now: float) -> dict[tuple[str, str], int]:
    """Sessions in the queue where `pool_views` counts them."""
    found: Counter[tuple[str, str]] = Counter()
    for plan, count in fleet.queue.waiting_by_lane():
        place = _counted_at(fleet, plan, now)
        if place is not None:
            found[place] += count
    return dict(found)


def _counted_at(fleet: Fleet, plan: Plan, now: float) -> tuple[str, str] | None:
    coming = fleet.coming.serving(plan.wanted, now)
    if coming:
        return coming[0].region, coming[0].pool
    if not fleet.index.has_match(plan):
        return None
    first = plan.tiers[0][0].region
    return first, min(group.pool for group in plan.tiers[0] if group.region == first)


def node_views(fleet: Fleet, now: float) -> dict[GatewayId, str]:
    """Live gateways that clients can connect to."""
    return {
        view.gateway: view.node
        for view in gateway_views(fleet, now)
        if view.node and view.is_live and not view.is_cordoned
    }


def gateway_views(fleet: Fleet, now: float) -> list[GatewayView]:
    """All of them. A scan of the sessions: asked for by people, and by the drain of a gateway."""
    theirs = Counter(
        session.gateway for session in fleet.sessions.values() if session.state is not ClaimState.SUSPENDED
    )
    least = now - fleet.policy.gateway_lost_after
    return [
        GatewayView(
            gateway.id, gateway.node, theirs[gateway.id], gateway.is_cordoned, is_live=gateway.renewed_at > least
        )
        for gateway in fleet.gateways.values()
    ]
