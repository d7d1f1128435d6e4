"""What readers see: plain reads of several keys, put together here. Between two reads the fleet may move on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from moorage.ids import GatewayId, SessionId, WorkerId
from scheduler.coming import can_come
from scheduler.io.redis.carrying import find
from scheduler.io.redis.ground import FLEET, Ground, region_tag
from scheduler.io.redis.message import inner, unpack
from scheduler.io.redis.scaling import pool_statuses
from scheduler.io.redis.scripts import RECORD
from scheduler.io.redis.words import revocation_of, usage_of
from scheduler.values import (
    ClaimState,
    DrainProgress,
    GatewayView,
    Kubernetes,
    PoolView,
    QueueView,
    Revocation,
    SessionView,
    WorkerState,
    WorkerView,
)
from scheduler.workers import Health, shown

_STATES = {"r": ClaimState.RESERVED, "h": ClaimState.HELD, "s": ClaimState.SUSPENDED}
_PORTION = 500  # sessions read at once
_AT_ONCE = 100  # workers made of what was read, before somebody else's turn
_MOST = (1 << 17) - 1  # of each of the three counts that a worker's number has; see lua/lib/index.lua


async def workers(ground: Ground) -> list[WorkerView]:
    """Of every region."""
    await ground.refresh_regions()
    found = await asyncio.gather(*(_workers_in(ground, region) for region in ground.regions))
    return sorted((view for views in found for view in views), key=lambda view: view.joined_at)


async def worker(ground: Ground, region: str, id_: WorkerId) -> WorkerView | None:
    """One of them."""
    tag = region_tag(region)
    raw, beat, lost, orphans, counts = await asyncio.gather(
        ground.command(tag, "HGET", ":workers", id_),
        ground.command(tag, "ZSCORE", ":beats", id_),
        ground.command(tag, "ZSCORE", ":lost", id_),
        ground.command(tag, "HLEN", f":orphans:{id_}"),
        ground.command(tag, "HMGET", ":used", id_, f"came:{id_}"),
    )
    if raw is None:
        return None
    return _worker_view(unpack(raw), region, float(beat or lost or 0), counts, orphans)


async def session(ground: Ground, id_: SessionId) -> SessionView | None:
    """A live one."""
    region = await ground.where(id_)
    if region is None:
        return None
    raw = await ground.command(region_tag(region), "GET", f":s:{id_}")
    if raw is None:
        await find(ground, id_, region)
        elsewhere = await ground.look_up(id_)
        if elsewhere is None or elsewhere == region:
            return None
        region, raw = elsewhere, await ground.command(region_tag(elsewhere), "GET", f":s:{id_}")
    return _session_view(unpack(raw), region, ground.now()) if raw is not None else None


async def sessions(ground: Ground) -> list[SessionView]:
    """All live ones, read in portions."""
    by_region: dict[str, list[bytes]] = {}
    for raw_id, raw in await entries(ground):
        by_region.setdefault(unpack(raw)[0], []).append(raw_id)
    found: list[SessionView] = []
    for region, ids in by_region.items():
        tag = region_tag(region)
        for start in range(0, len(ids), _PORTION):
            keys = [ground.shards.key(tag, f":s:{id_.decode()}") for id_ in ids[start : start + _PORTION]]
            raws = await ground.shards.command(tag, "MGET", *keys)
            found += [_session_view(unpack(raw), region, ground.now()) for raw in raws if raw is not None]
    return found


async def entries(ground: Ground) -> list[tuple[bytes, bytes]]:
    """Live and waiting sessions as the fleet's shard has them, {region, workspace, user, key} each, in portions."""
    found: list[tuple[bytes, bytes]] = []
    cursor = b"0"
    while True:
        cursor, some = await ground.command(FLEET, "HSCAN", ":s", cursor, "COUNT", _PORTION)
        found += [pair for pair in _pairs(some) if not pair[0].startswith(b"#")]
        if cursor == b"0":
            return list(dict(found).items())


async def pools(ground: Ground) -> list[PoolView]:
    """Room by region and pool. A waiter counts for the first pool that is scaled and could serve it, else for the first
    one; by name."""
    now = ground.now()
    statuses = await pool_statuses(ground)
    rooms = {(status.region, status.pool): [0, 0, 0, 0, 0] for status in statuses if can_come(status, now)}
    open_to_all = await _open_workers(ground)
    for view in await workers(ground):
        room = rooms.setdefault((view.region, view.pool), [0, 0, 0, 0, 0])
        room[0] += 1
        room[1] += view.slots
        room[2] += view.used
        if view.worker in open_to_all:
            room[3] += max(0, view.slots - view.used)
    for place, count in (await waiting(ground)).items():
        if place in rooms:
            rooms[place][4] = count
    return [PoolView(region, pool, *room) for (region, pool), room in sorted(rooms.items())]


async def waiting(ground: Ground) -> dict[tuple[str, str], int]:
    """Sessions in the queue where `pools` counts them."""
    found: dict[tuple[str, str], int] = {}
    for region in ground.regions:
        for pool, count in await ground.in_region("lanes", region, []):
            if count:
                found[region, pool] = found.get((region, pool), 0) + count
    return found


async def queue(ground: Ground, id_: SessionId) -> QueueView | None:
    """A waiting session's place."""
    region = await ground.where(id_)
    word = await ground.in_region("queue_view", region, [id_]) if region is not None else None
    elsewhere = await ground.look_up(id_) if region is not None and not word else None
    if elsewhere is not None and elsewhere != region:
        word = await ground.in_region("queue_view", elsewhere, [id_])
    if not word:
        return None
    return QueueView(id_, word[0], float(word[1]) if word[1] else None, float(word[2]))


async def revocations(ground: Ground) -> list[Revocation]:
    """Those in force."""
    found = []
    for name, raw in _pairs(await ground.command(FLEET, "HGETALL", ":revoked")):
        kind, _, id_ = name.decode().partition(" ")
        found.append(revocation_of([kind, id_, *unpack(raw)]))
    return found


async def nodes(ground: Ground) -> dict[GatewayId, str]:
    """Live gateways that clients can connect to."""
    return {
        view.gateway: view.node
        for view in await gateways(ground)
        if view.node and view.is_live and not view.is_cordoned
    }


async def gateways(ground: Ground) -> list[GatewayView]:
    """All that are known, with what each holds over all regions."""
    least = ground.now() - ground.policy.gateway_lost_after
    found = []
    for name, raw in _pairs(await ground.command(FLEET, "HGETALL", ":gateways")):
        id_, gateway = GatewayId(name.decode()), unpack(raw)
        held, renewed = 0, gateway["renewed"]
        for region in ground.regions:
            held += await ground.command(region_tag(region), "SCARD", f":gs:{id_}")
            lease = await ground.command(region_tag(region), "HGET", ":gateways", id_)
            renewed = max(renewed, unpack(lease)["renewed"] if lease is not None else 0.0)
        found.append(GatewayView(id_, gateway["node"], held, bool(gateway.get("cordoned")), renewed > least))
    return found


async def _open_workers(ground: Ground) -> set[WorkerId]:
    """Those that new sessions are given to: the third word of a spot (lua/lib/index.lua)."""
    found = await asyncio.gather(*(ground.command(region_tag(region), "HGETALL", ":spot") for region in ground.regions))
    return {
        WorkerId(id_.decode())
        for spots in found
        for id_, spot in _pairs(spots)
        if b" " in spot and spot.split(b" ", 3)[2] == b"1"
    }


async def _workers_in(ground: Ground, region: str) -> list[WorkerView]:
    tag = region_tag(region)
    raw, used = await asyncio.gather(*(ground.command(tag, "HGETALL", suffix) for suffix in (":workers", ":used")))
    beats = {}
    for suffix in (":beats", ":lost"):
        beats.update(_scores(await ground.command(tag, "ZRANGE", suffix, 0, -1, "WITHSCORES")))
    counts = dict(_pairs(used))
    orphans = await _orphans(ground, tag, list(dict(_pairs(raw))))
    found = []
    for number, (id_, word) in enumerate(_pairs(raw)):
        if number % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)  # a thousand of them take 20 ms: relays come in between
        said = (counts.get(id_), counts.get(b"came:" + id_))
        found.append(_worker_view(unpack(word), region, beats.get(id_, 0.0), said, orphans[id_]))
    return found


async def _orphans(ground: Ground, tag: str, workers: list[bytes]) -> dict[bytes, int]:
    """How many sessions from before a loss of data each worker keeps slots for: only while the region adopts."""
    if await ground.command(tag, "HGET", ":state", "opens") is None:
        return dict.fromkeys(workers, 0)
    counts = await asyncio.gather(*(ground.command(tag, "HLEN", f":orphans:{one.decode()}") for one in workers))
    return dict(zip(workers, counts, strict=True))


def _worker_view(
    word: dict[str, Any], region: str, beat_at: float, counts: Sequence[bytes | None], orphans: int
) -> WorkerView:
    """`counts`: its number and how many came, of {R}:used (lua/lib/index.lua); None where there is none."""
    number, came = (int(count or 0) for count in counts)
    used, held, suspended = (number >> shift & _MOST for shift in (0, 17, 34))
    return WorkerView(
        worker=WorkerId(word["id"]),
        name=word["name"],
        region=region,
        pool=word["pool"],
        address=word["address"],
        slots=word["slots"],
        state=shown(WorkerState(word["duty"]), Health(word["health"])),
        labels=frozenset((key, value) for key, value in word["labels"]),
        version=word["version"],
        reserved=used - held - suspended - orphans,
        held=held,
        suspended=suspended + orphans,
        load=float(word["load"]),
        joined_at=float(word["joined"]),
        beat_at=beat_at,
        kubernetes=Kubernetes(*word["kubernetes"]) if word.get("kubernetes") else None,
        drain=_progress(word["draining"], used) if word.get("draining") else None,
        came=came,
    )


def _progress(word: dict[str, Any], left: int) -> DrainProgress:
    return DrainProgress(
        float(word["started"]), float(word["deadline"]), float(word["rate"]), word["start"], left, word["moved"]
    )


def _session_view(word: list[Any], region: str, now: float) -> SessionView:
    """Of its record: see lua/lib/sessions.lua."""
    has = dict(zip(RECORD, word, strict=True))
    state, more = _STATES[has["state"]], has["rest"] or {}
    usage = usage_of(more.get("usage")) + usage_of(more.get("old_usage")) + usage_of(more.get("attach_usage"))
    return SessionView(
        session=SessionId(has["id"]),
        state=state,
        worker=WorkerId(has["worker"]),
        gateway=GatewayId(inner(has["who"])[3]) if state is not ClaimState.SUSPENDED else None,
        region=region,
        pool=has["pool"],
        fence=has["fence"],
        started_at=float(has["started"]) if has["started"] else None,
        expires_at=float(has["expires"]),
        usage=usage,
        held_seconds=float(has["held"]) + (now - has["since"] if state is ClaimState.HELD else 0.0),
    )


def _pairs(reply: Any) -> list[tuple[bytes, bytes]]:
    """A hash, as RESP3 or RESP2 gives it."""
    return list(reply.items()) if isinstance(reply, dict) else list(zip(reply[::2], reply[1::2], strict=True))


def _scores(reply: Any) -> dict[bytes, float]:
    """A sorted set with scores: pairs in RESP3, a flat list in RESP2."""
    if reply and isinstance(reply[0], list):
        return {member: float(score) for member, score in reply}
    return {member: float(score) for member, score in zip(reply[::2], reply[1::2], strict=True)}
