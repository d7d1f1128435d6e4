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
from scheduler.scaling import check_decision, check_memory, in_force, scaled_data
from scheduler.scalingwords import request_of, request_text, status_of, status_text
from scheduler.values import DecisionRecord, Done, PoolStatus, Refused, ScaleRequest


class ScalingPart:
    """The scaling section of `scheduler.store.Store`. Methods mean what they mean there."""

    _ground: Ground

    async def put_scale_request(self, request: ScaleRequest) -> Done | Refused:
        said = [request.id, request.expires_at, request_text(request)]
        answer: Done | Refused = answer_of(await self._ground.run("put_scale_request", FLEET, said), "")
        return answer

    async def drop_scale_request(self, request: str) -> bool:
        raw = await self._ground.command(FLEET, "HGET", ":scale", request)
        dropped = await self._ground.command(FLEET, "HDEL", ":scale", request)
        return raw is not None and bool(dropped) and self._ground.now() < float(unpack(raw)[0])

    async def scale_requests(self) -> list[ScaleRequest]:
        raws = await self._ground.command(FLEET, "HVALS", ":scale")
        return in_force((request_of(unpack(raw)[1]) for raw in raws), self._ground.now())

    async def publish_pool(self, status: PoolStatus) -> None:
        """The region's shard learns what may be waited for, the fleet's what people see."""
        ground = self._ground
        await ground.found_region(status.region)
        if can_come(status, ground.now()):
            lead = status.lead_seconds if status.desired > status.serving else False
            word = [status.pool, status.until, labels_of(status.labels), lead]
        else:
            word = [status.pool]
        await ground.in_region("publish_pool", status.region, word)
        await ground.command(FLEET, "HSET", ":poolstatus", _place(status.region, status.pool), status_text(status))

    async def pool_statuses(self) -> list[PoolStatus]:
        return await pool_statuses(self._ground)

    async def record_decision(self, decision: DecisionRecord) -> None:
        """Said again it changes nothing."""
        check_decision(decision, self._ground.policy)
        member = msgpack.packb([decision.at, decision.is_change, decision.document])
        data = scaled_data(decision) if decision.is_change else False
        said = [_place(decision.region, decision.pool), decision.at, member, data]
        await self._ground.run("record_decision", FLEET, said)

    async def decisions(self, region: str, pool: str, limit: int, before: float | None = None) -> list[DecisionRecord]:
        if limit <= 0:
            return []
        end = "+inf" if before is None else f"({before!r}"
        key = f":decisions:{_place(region, pool)}"
        members = await self._ground.command(FLEET, "ZREVRANGEBYSCORE", key, end, "-inf", "LIMIT", 0, limit)
        return [DecisionRecord(region, pool, *msgpack.unpackb(member)) for member in members]

    async def keep_memory(self, name: str, document: bytes) -> None:
        check_memory(name, document, self._ground.policy)
        await self._ground.command(FLEET, "HSET", ":memory", name, document)

    async def memory(self, name: str) -> bytes | None:
        found: bytes | None = await self._ground.command(FLEET, "HGET", ":memory", name)
        return found


async def pool_statuses(ground: Ground) -> list[PoolStatus]:
    """By region and pool; those long past are forgotten on the way."""
    now = ground.now()
    found = [status_of(raw.decode()) for raw in await ground.command(FLEET, "HVALS", ":poolstatus")]
    for status in found:
        if now >= status.until + STATUS_KEPT_SECONDS:
            await ground.command(FLEET, "HDEL", ":poolstatus", _place(status.region, status.pool))
    kept = [status for status in found if now < status.until + STATUS_KEPT_SECONDS]
    return sorted(kept, key=lambda status: (status.region, status.pool))


def _place(region: str, pool: str) -> str:
    return f"{quote(region, safe='')} {quote(pool, safe='')}"
