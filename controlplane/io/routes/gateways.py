"""GET /gateways: who terminates clients' connections, how many, and who takes no more."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from controlplane.io.routes.dependencies import API, PROBLEMS, Ctx, Told, allowed
from controlplane.keys import Caller
from controlplane.scopes import Permission

router = APIRouter(prefix=f"{API}/gateways", tags=["gateways"], responses=PROBLEMS)

Watcher = Annotated[Caller, allowed(Permission.WORKER_READ)]


class GatewayDocument(Told):
    """One live gateway. A cordoned one takes no new clients."""

    id: str
    node: str
    sessions: int
    cordoned: bool


class Gateways(Told):
    """Live gateways."""

    gateways: list[GatewayDocument]
    total: int


@router.get("")
async def listed(context: Ctx, caller: Watcher) -> Gateways:
    """Those whose lease runs, in the order they started."""
    live = sorted((view for view in await context.store.gateways() if view.is_live), key=lambda view: view.gateway)
    shown = [
        GatewayDocument(id=view.gateway, node=view.node, sessions=view.sessions, cordoned=view.is_cordoned)
        for view in live
    ]
    return Gateways(gateways=shown, total=len(shown))
