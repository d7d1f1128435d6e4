"""Gateways' leases in the fleet's shard and in every region, and what their return or goodbye means."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from typing import Any

from moorage.errors import Code
from moorage.ids import GatewayId, SessionId
from scheduler.io.redis.carrying import find
from scheduler.io.redis.ground import FLEET, Ground, region_tag
from scheduler.io.redis.words import held_word
from scheduler.values import Adopted, Done, Held, Refused, Stale

PORTION = 200  # sessions in one script


async def join(ground: Ground, gateway: GatewayId, node: str) -> None:
    """A lease begins."""
    ground.joined[gateway] = node
    await ground.refresh_regions()
    await ground.run("join", FLEET, [gateway, node])
    await asyncio.gather(*(ground.in_region("join", region, [gateway, node]) for region in ground.regions))


async def renew(ground: Ground, gateway: GatewayId) -> bool:
    """Keeps the lease in every shard; False when one of them lost it."""
    await ground.refresh_regions()
    asked = [ground.run("renew", FLEET, [gateway])]
    asked += [ground.in_region("renew", region, [gateway]) for region in ground.regions]
    return all(await asyncio.gather(*asked))


async def adopt(ground: Ground, gateway: GatewayId, held: list[Held]) -> Adopted:
    """All that this gateway relays, in portions; then what it does not have is suspended."""
    if not await renew(ground, gateway):
        await join(ground, gateway, ground.joined.get(gateway, ""))
    by_region: dict[str, list[Held]] = defaultdict(list)
    for one in held:
        by_region[one.region].append(one)
    for region in by_region:
        await ground.found_region(region)
    stale: list[Stale] = []
    waiting = 0
    for region in ground.regions:
        await _meet(ground, region)
        named = by_region.get(region, [])
        kept = {one.session for one in named}
        for start in range(0, len(named), PORTION):
            words = [held_word(one) for one in named[start : start + PORTION]]
            gone, late = await _adopt_some(ground, gateway, region, words)
            gone = [await _elsewhere(ground, gateway, region, words, one) for one in gone]
            stale += [Stale(SessionId(session), fence or None) for session, fence in gone]
            waiting += late
            kept -= {session for session, _ in gone}
        await ground.in_region("adopted", region, [gateway])
        await _drop_missing(ground, gateway, region, kept)
    order = {one.session: place for place, one in enumerate(held)}
    return Adopted(sorted(stale, key=lambda one: order[one.session]), waiting)


async def cordon(ground: Ground, gateway: GatewayId, *, is_cordoned: bool) -> Done | Refused:
    """It hears where that is new."""
    if await ground.run("cordon_gateway", FLEET, [gateway, is_cordoned]):
        return Done()
    return Refused(Code.NOT_FOUND, f"no gateway {gateway}")


async def leave(ground: Ground, gateway: GatewayId) -> None:
    """What it held is suspended, what it reserved or waited for is free."""
    ground.joined.pop(gateway, None)
    await ground.command(FLEET, "HDEL", ":gateways", gateway)
    for region in ground.regions:
        while await ground.in_region("leave", region, [gateway]):
            pass


async def _meet(ground: Ground, region: str) -> None:
    """The shard looks whether it came to another server, which may lack the last writes."""
    about = await ground.shards.command(region_tag(region), "INFO", "server", is_idempotent=True)
    found = re.search(rb"run_id:(\w+)", about.encode() if isinstance(about, str) else about)
    await ground.in_region("meet", region, [found[1].decode() if found else ""])


async def _adopt_some(ground: Ground, gateway: GatewayId, region: str, words: list[Any]) -> tuple[list[Any], int]:
    """On a cluster the fleet's shard is entered first, and left again by those that were not adopted."""
    if ground.is_one_node:
        gone, late, _ = await ground.in_region("adopt", region, [gateway, words, region, []])
        return gone, late
    over, entered = await ground.run("enter_held", FLEET, [words, region])
    gone, late, held = await ground.in_region("adopt", region, [gateway, words, region, over])
    gave_up = [one for one in words if one[0] in entered and one[0] not in held]
    await ground.run("depart", FLEET, [[one[0], one[2], one[3], one[4], False, False] for one in gave_up])
    return gone, late


async def _elsewhere(ground: Ground, gateway: GatewayId, asked: str, words: list[Any], gone: list[Any]) -> list[Any]:
    """What is stale of a session that went to another region: there its fence is known."""
    session, fence = gone
    region = await ground.look_up(session) if not fence else None
    if region == asked:
        await find(ground, session, asked)
        region = await ground.look_up(session)
    if region is None or region == asked:
        return gone
    word = next(one for one in words if one[0] == session)
    found, _ = await _adopt_some(ground, gateway, region, [word])
    return list(found[0]) if found else gone


async def _drop_missing(ground: Ground, gateway: GatewayId, region: str, kept: set[SessionId]) -> None:
    has = await ground.command(region_tag(region), "SMEMBERS", f":gs:{gateway}")
    missing = [session for raw in has if (session := SessionId(raw.decode())) not in kept]
    for start in range(0, len(missing), PORTION):
        await ground.in_region("drop_missing", region, [gateway, missing[start : start + PORTION]])
