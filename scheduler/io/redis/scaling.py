"""The scaling part of the board, in the fleet's shard; what waits for workers to come is told to their region's shard too.

{fleet}:scale id -> {expires, request}; :poolstatus place -> JSON;
:decisions:<place> {at, is change, document} by time;
:memory name -> bytes. A place is "region pool", each quoted.
"""

from __future__ import annotations

from urllib.parse import quote

import msgpack

from scheduler.coming import STATUS_KEPT_SECONDS, can_come
from scheduler.io.redis.ground import FLEET, Ground
from scheduler.io.redis.message import unpack
from scheduler.io.redis.words import answer_of, labels_of
from scheduler.scaling import check_decision, in_force, scaled_data
from scheduler.scalingwords import request_of, request_text, status_of, status_text
from scheduler.values import DecisionRecord, Done, PoolStatus, Refused, ScaleRequest


async def put_request(ground: Ground, request: ScaleRequest) -> Done | Refused:
    """Done for the same one again."""
    said = [request.id, request.expires_at, request_text(request)]
    answer: Done | Refused = answer_of(await ground.run("put_scale_request", FLEET, said), "")
    return answer


async def drop_request(ground: Ground, request: str) -> bool:
    """An expired one is not known."""
    raw = await ground.command(FLEET, "HGET", ":scale", request)
    dropped = await ground.command(FLEET, "HDEL", ":scale", request)
    return raw is not None and bool(dropped) and ground.now() < float(unpack(raw)[0])


async def requests(ground: Ground) -> list[ScaleRequest]:
    """Oldest first."""
    raws = await ground.command(FLEET, "HVALS", ":scale")
    return in_force((request_of(unpack(raw)[1]) for raw in raws), ground.now())


async def publish_pool(ground: Ground, status: PoolStatus) -> None:
    """The region's shard learns what may be waited for, the fleet's what people see."""
    await ground.found_region(status.region)
    if can_come(status, ground.now()):
        lead = status.lead_seconds if status.desired > status.serving else False
        word = [status.pool, status.until, labels_of(status.labels), lead]
    else:
        word = [status.pool]
    await ground.in_region("publish_pool", status.region, word)
    await ground.command(FLEET, "HSET", ":poolstatus", _place(status.region, status.pool), status_text(status))


async def pool_statuses(ground: Ground) -> list[PoolStatus]:
    """By region and pool; those long past are forgotten on the way."""
    now = ground.now()
    found = [status_of(raw.decode()) for raw in await ground.command(FLEET, "HVALS", ":poolstatus")]
    for status in found:
        if now >= status.until + STATUS_KEPT_SECONDS:
            await ground.command(FLEET, "HDEL", ":poolstatus", _place(status.region, status.pool))
    kept = [status for status in found if now < status.until + STATUS_KEPT_SECONDS]
    return sorted(kept, key=lambda status: (status.region, status.pool))


async def record_decision(ground: Ground, record: DecisionRecord) -> None:
    """Said again it changes nothing."""
    check_decision(record, ground.policy)
    member = msgpack.packb([record.at, record.is_change, record.document])
    data = scaled_data(record) if record.is_change else False
    await ground.run("record_decision", FLEET, [_place(record.region, record.pool), record.at, member, data])


async def decisions(ground: Ground, region: str, pool: str, limit: int, before: float | None) -> list[DecisionRecord]:
    """Newest first."""
    if limit <= 0:
        return []
    end = "+inf" if before is None else f"({before!r}"
    key = f":decisions:{_place(region, pool)}"
    members = await ground.command(FLEET, "ZREVRANGEBYSCORE", key, end, "-inf", "LIMIT", 0, limit)
    return [DecisionRecord(region, pool, *msgpack.unpackb(member)) for member in members]


def _place(region: str, pool: str) -> str:
    return f"{quote(region, safe='')} {quote(pool, safe='')}"
