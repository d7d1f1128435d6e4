"""Acts on scale requests: put on the store's board and into the audit log here, carried out by the autoscaler."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import structlog

from controlplane.audit import AuditEntry
from controlplane.io import audit
from controlplane.io.audit import Asking, Change
from controlplane.io.context import Context
from controlplane.io.sql import audit as entries
from controlplane.scaling import (
    LONGEST_SECONDS,
    Outlook,
    Place,
    ScaleWish,
    check_place,
    checked_target,
    id_for,
    is_same,
    outlook,
)
from moorage import ids
from moorage.errors import Code, error_for
from scheduler.values import PoolStatus, PoolView, Refused, ScaleAction, ScaleRequest

CREATED, DELETED, RELEASED = "scale_request.created", "scale_request.deleted", "scale_request.released"
BATCH = 1000  # entries read at once

_log = structlog.get_logger("moorage.controlplane.scaling")


@dataclass(frozen=True, slots=True)
class Asked:
    """What came, or would come, of a wish."""

    place: Place
    status: PoolStatus | None  # None: nobody scales the pool (a release, or a repetition long after)
    request: ScaleRequest | None = None
    released: tuple[ScaleRequest, ...] = ()
    outlook: Outlook | None = None
    is_replay: bool = False


async def weigh(context: Context, asking: Asking, wish: ScaleWish) -> Asked:
    """What `ask` would do. Raises UNPROCESSABLE for a place nobody knows, CONFLICT where it cannot be."""
    status = await _status(context, wish.place)
    if wish.action is ScaleAction.RELEASE:
        return Asked(wish.place, status, released=tuple(await of_place(context, wish.place)))
    now = context.store.now()
    id_ = context.new_id("scl") if asking.once is None else id_for("scl", asking.caller.key, asking.once)
    request = wish.request(id_, checked_target(wish, status, now), asking.caller.key, now)
    return await _seen(context, status, request)


async def ask(context: Context, asking: Asking, wish: ScaleWish) -> Asked:
    """The autoscaler finds it at its next look. The same idempotency key does it once. Raises what `weigh` raises."""
    done = await audit.replayed(context, asking)
    if done is not None:
        return await _again(context, wish, done.after or {})
    asked = await weigh(context, asking, wish)
    if asked.request is None:
        return await _release(context, asking, asked)
    request = await _put(context, asked.request, wish)
    try:
        entry = await audit.note(context, asking, Change(CREATED, request.id, None, {"request": plain(request)}))
    except BaseException:
        await context.store.drop_scale_request(request.id)
        raise
    if entry.target != request.id:  # the same order came here and elsewhere
        return await _again(context, wish, entry.after or {})
    context.metrics.scale_requests.labels(request.action.value).inc()
    said = {"action": request.action.value, "region": request.region, "pool": request.pool, "workers": request.workers}
    _log.info("scale_requested", request=request.id, by=request.by, reason=request.reason, **said)
    return await _seen(context, asked.status, request)


async def find(context: Context, id_: str) -> ScaleRequest:
    """Raises NOT_FOUND."""
    for request in await context.store.scale_requests():
        if request.id == id_:
            return request
    raise error_for(Code.NOT_FOUND, f"no scale request {id_[:40]!r} in force")


async def delete(context: Context, asking: Asking, id_: str) -> ScaleRequest:
    """It counts no more from the autoscaler's next look on. Raises NOT_FOUND."""
    request = await find(context, id_)
    await audit.note(context, asking, Change(DELETED, request.id, {"request": plain(request)}))
    if not await context.store.drop_scale_request(request.id):
        raise error_for(Code.NOT_FOUND, f"no scale request {id_[:40]!r} in force")
    _log.info("scale_request_deleted", request=request.id, by=asking.caller.key)
    return request


async def of_place(context: Context, place: Place) -> list[ScaleRequest]:
    """Those in force for a pool, oldest first."""
    return [one for one in await context.store.scale_requests() if (one.region, one.pool) == place]


async def places(context: Context) -> tuple[list[PoolView], list[PoolStatus]]:
    """The room of all pools, and what their autoscalers said last."""
    return await context.store.pools(), await context.store.pool_statuses()


def plain(request: ScaleRequest) -> dict[str, Any]:
    """As JSON keeps it."""
    return {**asdict(request), "action": request.action.value}


def read(said: dict[str, Any]) -> ScaleRequest:
    """The way back."""
    return ScaleRequest(**{**said, "action": ScaleAction(said["action"])})


async def seed(context: Context) -> int:
    """From the audit log back into a store that lost them: those that nobody took back and that are not over."""
    now = context.store.now()
    live: dict[str, ScaleRequest] = {}
    after = ids.make("aud", max(0.0, now - LONGEST_SECONDS), bytes)
    while True:
        page = await context.database.ask(
            partial(entries.since, actions=(CREATED, DELETED, RELEASED), after=after, limit=BATCH)
        )
        for entry in page:
            _follow(live, entry)
        if len(page) < BATCH:
            break
        after = page[-1].id
    kept = [request for request in live.values() if now < request.expires_at]
    for request in kept:
        await context.store.put_scale_request(request)
    return len(kept)


def _follow(live: dict[str, ScaleRequest], entry: AuditEntry) -> None:
    if entry.action == CREATED:
        live[entry.target] = read((entry.after or {})["request"])
        return
    gone = [entry.target] if entry.action == DELETED else [one["id"] for one in (entry.before or {})["requests"]]
    for id_ in gone:
        live.pop(id_, None)


async def _status(context: Context, place: Place) -> PoolStatus | None:
    views, statuses = await places(context)
    known = {(view.region, view.pool) for view in views} | {(status.region, status.pool) for status in statuses}
    check_place(place, known | {(one.region, one.pool) for one in await context.store.scale_requests()})
    now = context.store.now()
    return next((one for one in statuses if (one.region, one.pool) == place and now < one.until), None)


async def _seen(context: Context, status: PoolStatus | None, request: ScaleRequest) -> Asked:
    place = (request.region, request.pool)
    if status is None:
        return Asked(place, None, request)
    return Asked(place, status, request, outlook=outlook(request, status, await context.store.workers()))


async def _put(context: Context, request: ScaleRequest, wish: ScaleWish) -> ScaleRequest:
    """What is in force under its id: one that was put before an audit entry could be written counts as this one."""
    answer = await context.store.put_scale_request(request)
    if not isinstance(answer, Refused):
        return request
    known = [one for one in await context.store.scale_requests() if one.id == request.id]
    if known and is_same(known[0], wish):
        return known[0]
    detail = "this Idempotency-Key was used for another request" if known else answer.detail
    raise error_for(answer.code, detail)


async def _release(context: Context, asking: Asking, asked: Asked) -> Asked:
    released = {"released": [plain(request) for request in asked.released]}
    target = "/".join(asked.place)
    await audit.note(context, asking, Change(RELEASED, target, {"requests": released["released"]}, released))
    for request in asked.released:
        await context.store.drop_scale_request(request.id)
    context.metrics.scale_requests.labels(ScaleAction.RELEASE.value).inc()
    _log.info("scale_requests_released", place=target, by=asking.caller.key, requests=len(asked.released))
    return asked


async def _again(context: Context, wish: ScaleWish, after: dict[str, Any]) -> Asked:
    """What was answered before, with what can be said of it now."""
    released = tuple(read(one) for one in after.get("released", ()))
    views = [one for one in await context.store.pool_statuses() if (one.region, one.pool) == wish.place]
    status = next((one for one in views if context.store.now() < one.until), None)
    if "request" not in after:
        return Asked(wish.place, status, released=released, is_replay=True)
    seen = await _seen(context, status, read(after["request"]))
    return Asked(seen.place, status, seen.request, released, seen.outlook, is_replay=True)
