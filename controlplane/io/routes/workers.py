"""POST, GET, DELETE /workers; heartbeat for workers; cordon, uncordon, drain and undrain for operators."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from controlplane.drains import DrainWish
from controlplane.io import drains
from controlplane.io import workers as acts
from controlplane.io.context import Context
from controlplane.io.routes.dependencies import API, PROBLEMS, Credentials, Ctx, Name, StrictRoute, admitted, allowed
from controlplane.io.routes.worker_forms import (
    Ack,
    Beat,
    DrainDocument,
    DrainOrder,
    Register,
    Registered,
    WorkerDocument,
    Workers,
    directive_document,
    drain_document,
    worker_document,
    worker_of,
)
from controlplane.keys import Caller
from controlplane.scopes import Permission
from controlplane.workers import WorkerFilter, chosen
from moorage.deadlines import HEARTBEAT_EVERY
from moorage.errors import Code, error_for
from moorage.ids import WorkerId
from scheduler.values import DrainKind, WorkerState

router = APIRouter(prefix=f"{API}/workers", tags=["workers"], route_class=StrictRoute, responses=PROBLEMS)

Watcher = Annotated[Caller, allowed(Permission.WORKER_READ)]
Operator = Annotated[Caller, allowed(Permission.WORKER_WRITE)]


class WorkerQuery(BaseModel):
    """GET /workers; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    region: Name | None = None
    pool: Name | None = None
    status: WorkerState | None = None
    limit: int = Field(default=100, ge=1, le=10_000)


@router.post("", status_code=201)
async def register(body: Register, context: Ctx, text: Credentials) -> Registered:
    """A worker joins, with a join key as its bearer. Then it sends a heartbeat every `heartbeat_every` seconds."""
    key = await acts.joining(context, text)
    registered = await acts.register(context, key, body.registration())
    return Registered(
        worker_id=registered.worker,
        status=registered.state.value,
        lease_seconds=context.policy.lease_seconds,
        heartbeat_every=HEARTBEAT_EVERY,
        resume_seconds=context.policy.resume_seconds,
        claim_key=b64encode(registered.claim_key).decode(),
        epoch=registered.epoch,
    )


@router.post("/{worker_id}/heartbeat")
async def heartbeat(worker_id: str, body: Beat, context: Ctx, text: Credentials) -> Ack:
    """A worker is alive, with its join key as its bearer. WORKER_NOT_FOUND tells it to register again."""
    key = await acts.joining(context, text)
    beaten = await acts.beat(context, key, body.heartbeat(worker_of(worker_id)))
    now = context.store.now()
    return Ack(seq=beaten.seq, directives=[directive_document(directive, now) for directive in beaten.directives])


@router.get("")
async def listed(query: Annotated[WorkerQuery, Query()], context: Ctx, caller: Watcher) -> Workers:
    """In the order they joined."""
    found = chosen(await context.store.workers(), WorkerFilter(query.region, query.pool, query.status))
    return Workers(workers=[worker_document(view) for view in found[: query.limit]], total=len(found))


@router.get("/{worker_id}")
async def get(worker_id: str, context: Ctx, caller: Watcher) -> WorkerDocument:
    """One worker."""
    return await _shown(context, worker_of(worker_id))


@router.delete("/{worker_id}", status_code=204)
async def delete(worker_id: str, request: Request, context: Ctx, text: Credentials) -> None:
    """A worker's goodbye (join key), or an operator's order (API key with workers:write): its sessions are suspended."""
    worker = worker_of(worker_id)
    key = await acts.join_key(context, text)
    if key is None:
        await admitted(request, Permission.WORKER_WRITE)
    else:
        await acts.spoken_for(context, key, worker)
    acts.done(await context.store.remove(worker))


@router.post("/{worker_id}/cordon")
async def cordon(worker_id: str, context: Ctx, caller: Operator) -> WorkerDocument:
    """No new sessions."""
    worker = worker_of(worker_id)
    acts.done(await context.store.cordon(worker))
    return await _shown(context, worker)


@router.post("/{worker_id}/uncordon")
async def uncordon(worker_id: str, context: Ctx, caller: Operator) -> WorkerDocument:
    """New sessions again: ends a cordon and a drain of this worker. CONFLICT where its pool or region is drained."""
    worker = worker_of(worker_id)
    await drains.let_serve(context, worker)
    return await _shown(context, worker)


@router.post("/{worker_id}/drain")
async def drain(worker_id: str, context: Ctx, caller: Operator, body: DrainOrder | None = None) -> WorkerDocument:
    """No new sessions; those there may finish until the deadline, then they move away at the rate. It is one of /drains."""
    worker, order = worker_of(worker_id), body or DrainOrder()
    wish = DrainWish(
        kind=DrainKind.WORKER,
        worker=worker,
        deadline_seconds=order.deadline_seconds,
        rate_per_second=order.rate_per_second,
        reason=order.reason,
    )
    await drains.order(context, caller, wish)
    return await _shown(context, worker)


@router.get("/{worker_id}/drain")
async def drained(worker_id: str, context: Ctx, caller: Watcher) -> DrainDocument:
    """How far the drain is. NOT_FOUND where there is none."""
    view = await acts.find(context, worker_of(worker_id))
    if view.drain is None:
        raise error_for(Code.NOT_FOUND, f"worker {view.worker} is not draining, it is {view.state.value}")
    return drain_document(view.drain)


@router.post("/{worker_id}/undrain")
async def undrain(worker_id: str, context: Ctx, caller: Operator) -> WorkerDocument:
    """Ends a drain: new sessions again, those still there stay."""
    return await uncordon(worker_id, context, caller)


async def _shown(context: Context, worker: WorkerId) -> WorkerDocument:
    return worker_document(await acts.find(context, worker))
