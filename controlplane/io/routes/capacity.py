"""GET /capacity and /nodes: room in the fleet, and the addresses clients connect to."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter

from controlplane.io.routes.dependencies import API, PROBLEMS, Ctx, Told, allowed
from controlplane.keys import Caller
from controlplane.scopes import Permission
from controlplane.workers import totals

router = APIRouter(prefix=API, tags=["capacity"], responses=PROBLEMS)

Watcher = Annotated[Caller, allowed(Permission.WORKER_READ)]


class Room(Told):
    """Slots and sessions; `free` counts serving workers only, `waiting` is the admission queue."""

    workers: int
    slots: int
    used: int
    free: int
    waiting: int


class PoolRoom(Room):
    """One pool's room."""

    region: str
    pool: str


class CapacityDocument(Told):
    """The fleet by pool, and in total."""

    pools: list[PoolRoom]
    total: Room


class NodeDocument(Told):
    """One live gateway."""

    gateway_id: str
    node_id: str


class Nodes(Told):
    """Live gateways."""

    nodes: list[NodeDocument]


@router.get("/capacity")
async def capacity(context: Ctx, caller: Watcher) -> CapacityDocument:
    """Room by region and pool."""
    pools = sorted(await context.store.pools(), key=lambda pool: (pool.region, pool.pool))
    return CapacityDocument(pools=[PoolRoom(**asdict(pool)) for pool in pools], total=Room(**totals(pools)))


@router.get("/nodes")
async def nodes(context: Ctx, caller: Watcher) -> Nodes:
    """The addresses that clients may be given."""
    live = await context.store.nodes()
    return Nodes(nodes=[NodeDocument(gateway_id=gateway, node_id=node) for gateway, node in sorted(live.items())])
