"""Scale requests: POST, GET, DELETE /scale-requests, POST /workers/scale; and GET /pools with their decisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from controlplane.idempotency import checked_name, fingerprint
from controlplane.io import scaling as acts
from controlplane.io.audit import Asking
from controlplane.io.context import Context
from controlplane.io.edge import EXCHANGE, Exchange
from controlplane.io.routes.dependencies import API, PROBLEMS, Ctx, Name, StrictRoute, allowed
from controlplane.io.routes.scaling_forms import (
    DecisionQuery,
    Decisions,
    NewScaleRequest,
    Pools,
    ScaleAnswer,
    ScaleRequestDocument,
    ScaleRequests,
    answer_document,
    before_of,
    cursor_of,
    decision_document,
    pool_document,
    request_document,
)
from controlplane.keys import Caller
from controlplane.scaling import id_for, only_region
from controlplane.scopes import Permission
from moorage.errors import Code, error_for
from scheduler.values import PoolView, ScaleAction

router = APIRouter(prefix=API, tags=["scaling"], route_class=StrictRoute, responses=PROBLEMS)

Watcher = Annotated[Caller, allowed(Permission.WORKER_READ)]
Operator = Annotated[Caller, allowed(Permission.WORKER_WRITE)]
Once = Annotated[str | None, Header()]


class ScaleRequestQuery(BaseModel):
    """GET /scale-requests; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    region: Name | None = None
    pool: Name | None = None
    action: ScaleAction | None = None
    limit: int = Field(default=100, ge=1, le=1_000)


@router.post("/scale-requests", status_code=201, responses={200: {"model": ScaleAnswer}})
async def ask(
    body: NewScaleRequest,
    request: Request,
    context: Ctx,
    caller: Operator,
    response: Response,
    idempotency_key: Once = None,
) -> ScaleAnswer:
    """More workers, fewer, just so many, as many as now, or nobody's wishes any more: until it expires. 200 with `dry_run`,
    where nothing happens, and for `release`. An Idempotency-Key holds as long as the audit log is kept."""
    asking = _asking(request, caller, body, idempotency_key)
    if body.dry_run:
        response.status_code = 200
        return answer_document(await acts.weigh(context, asking, body.wish()), context.store.now(), is_dry_run=True)
    came = await acts.ask(context, asking, body.wish())
    if came.request is None:
        response.status_code = 200
    else:
        response.headers["location"] = f"{API}/scale-requests/{came.request.id}"
    if came.is_replay:
        response.headers["idempotency-replayed"] = "true"
    return answer_document(came, context.store.now())


router.post("/workers/scale", status_code=201, responses={200: {"model": ScaleAnswer}})(ask)


@router.get("/scale-requests")
async def listed(query: Annotated[ScaleRequestQuery, Query()], context: Ctx, caller: Watcher) -> ScaleRequests:
    """Those in force, newest first."""
    found = [
        one
        for one in reversed(await context.store.scale_requests())
        if query.region in (None, one.region) and query.pool in (None, one.pool) and query.action in (None, one.action)
    ]
    return ScaleRequests(scale_requests=[request_document(one) for one in found[: query.limit]], total=len(found))


@router.get("/scale-requests/{request_id}")
async def get(request_id: str, context: Ctx, caller: Watcher) -> ScaleRequestDocument:
    """One in force."""
    return request_document(await acts.find(context, request_id))


@router.delete("/scale-requests/{request_id}")
async def delete(request_id: str, request: Request, context: Ctx, caller: Operator) -> ScaleRequestDocument:
    """It counts no more. NOT_FOUND where it is over already."""
    return request_document(await acts.delete(context, Asking(caller, _request_id(request)), request_id))


@router.get("/pools")
async def pools(context: Ctx, caller: Watcher) -> Pools:
    """Room of each pool, and what its autoscaler said last."""
    views, statuses = await acts.places(context)
    rooms = {(view.region, view.pool): view for view in views}
    said = {(status.region, status.pool): status for status in statuses}
    wishes = [(one.region, one.pool) for one in await context.store.scale_requests()]
    now = context.store.now()
    return Pools(
        pools=[
            pool_document(
                rooms.get(place) or PoolView(*place, 0, 0, 0, 0, 0), said.get(place), wishes.count(place), now
            )
            for place in sorted(rooms.keys() | said.keys())
        ]
    )


@router.get("/pools/{pool:path}/decisions")
async def decisions(pool: str, query: Annotated[DecisionQuery, Query()], context: Ctx, caller: Watcher) -> Decisions:
    """What was decided for a pool and why, newest first. `region` may be left out where only one has such a pool."""
    region = only_region(pool, query.region, await _known(context))
    try:
        before = before_of(query)
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, "cursor must be the next_cursor of an earlier answer") from error
    found = await context.store.decisions(region, pool, query.limit + 1, before)
    page = found[: query.limit]
    return Decisions(
        decisions=[decision_document(record) for record in page],
        next_cursor=cursor_of(page[-1]) if len(found) > query.limit else None,
    )


async def _known(context: Context) -> set[tuple[str, str]]:
    views, statuses = await acts.places(context)
    return {(view.region, view.pool) for view in views} | {(status.region, status.pool) for status in statuses}


def _asking(request: Request, caller: Caller, body: NewScaleRequest, name: str | None) -> Asking:
    if name is None:
        return Asking(caller, _request_id(request))
    try:
        once = id_for("aud", caller.key, checked_name(name))
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, str(error)) from error
    return Asking(caller, _request_id(request), once, fingerprint(body.model_dump(mode="json", exclude={"dry_run"})))


def _request_id(request: Request) -> str:
    exchange: Exchange = request.scope[EXCHANGE]
    return exchange.request_id
