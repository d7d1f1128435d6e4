"""POST, GET, DELETE /drains: moving load away from a worker, a gateway, a pool or a region."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from controlplane.idempotency import checked_name
from controlplane.io import drains as acts
from controlplane.io.routes.dependencies import API, PROBLEMS, Ctx, StrictRoute, allowed
from controlplane.io.routes.drain_forms import DrainPlanDocument, Drains, NewDrain, plan_document
from controlplane.keys import Caller
from controlplane.scopes import Permission
from moorage.errors import Code, error_for
from scheduler.values import DrainKind, DrainState

router = APIRouter(prefix=f"{API}/drains", tags=["drains"], route_class=StrictRoute, responses=PROBLEMS)

Watcher = Annotated[Caller, allowed(Permission.WORKER_READ)]
Operator = Annotated[Caller, allowed(Permission.WORKER_WRITE)]


class DrainQuery(BaseModel):
    """GET /drains; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    kind: DrainKind | None = None
    state: list[DrainState] = []
    limit: int = Field(default=100, ge=1, le=10_000)


@router.post("", status_code=201, responses={200: {"model": DrainPlanDocument}})
async def order(
    body: NewDrain,
    context: Ctx,
    caller: Operator,
    response: Response,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> DrainPlanDocument:
    """Nothing new from now on; at the deadline sessions still there are told to reconnect, at the rate. With `dry_run`
    nothing happens: the answer (200) is what would begin. An Idempotency-Key holds as long as the drain is remembered."""
    if body.dry_run:
        response.status_code = 200
        plan = await acts.weigh(context, caller, body.wish())
        return plan_document(plan, context.store.now(), is_dry_run=True)
    ordered = await acts.order(context, caller, body.wish(), _once(idempotency_key))
    response.headers["location"] = f"{API}/drains/{ordered.plan.id}"
    if ordered.is_replay:
        response.headers["idempotency-replayed"] = "true"
    return plan_document(ordered.plan, context.store.now())


@router.get("")
async def listed(query: Annotated[DrainQuery, Query()], context: Ctx, caller: Watcher) -> Drains:
    """Newest first; those that are over are kept for a day."""
    found = [
        plan
        for plan in reversed(await context.store.drains())
        if query.kind in (None, plan.kind) and (not query.state or plan.state in query.state)
    ]
    now = context.store.now()
    return Drains(drains=[plan_document(plan, now) for plan in found[: query.limit]], total=len(found))


@router.get("/{drain_id}")
async def get(drain_id: str, context: Ctx, caller: Watcher) -> DrainPlanDocument:
    """How far it is."""
    return plan_document(await acts.find(context, drain_id), context.store.now())


@router.delete("/{drain_id}")
async def cancel(drain_id: str, context: Ctx, caller: Operator) -> DrainPlanDocument:
    """Calls it off, also one that is done: what it held takes sessions again, unless another drain holds it."""
    return plan_document(await acts.cancel(context, caller, drain_id), context.store.now())


def _once(name: str | None) -> str | None:
    try:
        return None if name is None else checked_name(name)
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, str(error)) from error
