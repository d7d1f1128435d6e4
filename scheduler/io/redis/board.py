"""What programs leave for each other in the fleet's shard: drains, roles, revocations, the keys of tokens and workers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

import msgpack

from moorage.errors import Code
from moorage.ids import GatewayId, SessionId, WorkerId
from scheduler.drains import retry_after
from scheduler.io.redis.carrying import deliver
from scheduler.io.redis.ground import FLEET, Ground
from scheduler.io.redis.message import unpack
from scheduler.io.redis.views import entries
from scheduler.io.redis.words import revocation_word, wish_word
from scheduler.tombstones import KINDS
from scheduler.values import DrainKind, DrainPlan, DrainState, End, JoinKey, Outcome, Revocation

SEED_PORTION = 500
MOVE_PORTION = 500  # told in one script
END_TOGETHER = 64  # ends of a revocation that are under way at once


async def put_drain(ground: Ground, plan: DrainPlan) -> bool:
    """False where it was cancelled meanwhile."""
    said = json.dumps({**asdict(plan), "kind": plan.kind.value, "state": plan.state.value})
    return await ground.run("put_drain", FLEET, [plan.id, plan.state is DrainState.CANCELLED, said]) is True


async def drop_drain(ground: Ground, drain: str) -> None:
    await ground.command(FLEET, "HDEL", ":drains", drain)


async def drains(ground: Ground) -> list[DrainPlan]:
    """Oldest first."""
    raws = await ground.command(FLEET, "HVALS", ":drains")
    return sorted(map(_plan, raws), key=lambda plan: (plan.started_at, plan.id))


async def set_join_keys(ground: Ground, keys: list[JoinKey]) -> None:
    key = ground.shards.key(FLEET, ":joinkeys")
    known = {name.decode() for name in await ground.shards.command(FLEET, "HKEYS", key)}
    for one in keys:
        await ground.shards.command(FLEET, "HSET", key, one.digest, msgpack.packb([one.pool, one.region]))
    for digest in known - {one.digest for one in keys}:
        await ground.shards.command(FLEET, "HDEL", key, digest)


async def join_key(ground: Ground, digest: str) -> JoinKey | None:
    raw = await ground.command(FLEET, "HGET", ":joinkeys", digest)
    return JoinKey(digest, *msgpack.unpackb(raw)) if raw is not None else None


async def revoke(ground: Ground, revocation: Revocation) -> int:
    """Remembers it, tells every gateway, and ends what lives under it."""
    if revocation.kind not in KINDS:
        raise ValueError(f"a revocation names one of {', '.join(KINDS)}, not {revocation.kind!r}")
    await ground.run("revoke", FLEET, revocation_word(revocation))
    hit = await _hit(ground, revocation)
    for region in {region for _, region in hit}:  # first, so that no slot that comes free goes to one of them
        waiting = [session for session, its in hit if its == region]
        for start in range(0, len(waiting), SEED_PORTION):
            await ground.in_region("dismiss", region, waiting[start : start + SEED_PORTION])
    reason = revocation.reason or "REVOKED"
    ended = 0
    for start in range(0, len(hit), END_TOGETHER):
        portion = hit[start : start + END_TOGETHER]
        ended += sum(await asyncio.gather(*(_end(ground, session, region, reason) for session, region in portion)))
    return ended


async def seed(ground: Ground, ended: dict[SessionId, float], revocations: list[Revocation]) -> None:
    """In portions."""
    buried = [list(one) for one in ended.items()]
    for start in range(0, max(1, len(buried)), SEED_PORTION):
        named = [revocation_word(one) for one in revocations] if start == 0 else []
        await ground.run("seed", FLEET, [buried[start : start + SEED_PORTION], named])


async def move_away(ground: Ground, region: str | None, of: WorkerId | GatewayId, most: int) -> int:
    """Of a worker in its region, of a gateway in all."""
    suffix, worker = (f":ws:{of}", of) if region is not None else (f":gs:{of}", False)
    told = 0
    for one in [region] if region is not None else ground.regions:
        if told < most:
            retries = [retry_after(ground.draw) for _ in range(min(most - told, MOVE_PORTION))]
            told += await ground.in_region("move_away", one, [suffix, retries, worker])
    return told


async def _hit(ground: Ground, revocation: Revocation) -> list[tuple[str, str]]:
    """Sessions under it, with their regions."""
    if revocation.kind == "session":
        region = await ground.look_up(SessionId(revocation.id))
        return [(revocation.id, region)] if region is not None else []
    place = ("workspace", "user", "key").index(revocation.kind) + 1
    named = [(raw_id.decode(), unpack(raw)) for raw_id, raw in await entries(ground)]
    return [(session, entry[0]) for session, entry in named if entry[place] == revocation.id]


async def _end(ground: Ground, session: str, region: str, reason: str) -> int:
    wish = End(SessionId(session), Outcome.COMPLETED, Code.SESSION_ENDED, reason, "api")
    ground.forget(SessionId(session))
    answer = await ground.in_region("end_revoked", region, wish_word(wish))
    if isinstance(answer, list):  # on its way to another region
        await deliver(ground, region, answer[1])
        elsewhere = await ground.look_up(SessionId(session))
        answer = elsewhere is not None and await ground.in_region("end_revoked", elsewhere, wish_word(wish))
    return int(answer is True)


def _plan(raw: bytes) -> DrainPlan:
    said = json.loads(msgpack.unpackb(raw)[1])
    return DrainPlan(**{**said, "kind": DrainKind(said["kind"]), "state": DrainState(said["state"])})
