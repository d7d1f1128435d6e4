"""A session changes its region: its worker was lost to it, and another region that it allows has room.

Four steps, whatever lies between the regions' shards. A slot waits for it where it goes (`welcome`). Where it is it becomes
a parcel (`pack_up`): nothing there can end it or give its slot back any more, and from here on it only goes forward. It
arrives (`arrive`), with a new fence and all that it had; the fleet's shard names the new region (`moved`); the parcel is
forgotten (`delivered`). A crash before the second step leaves a slot that lapses like a reservation, one after it a
parcel that the next sweep, or whoever asks for the session, brings to its end.
"""

from __future__ import annotations

from typing import Any

from moorage.ids import SessionId
from scheduler.io.redis.ground import FLEET, Ground, region_tag
from scheduler.io.redis.message import inner, unpack


async def carry(ground: Ground, word: dict[str, Any], home: str) -> list[Any] | None:
    """From `home` to the slot that waits for it in word["region"]; what the claim is answered there. None where it is no
    longer for this request to move: another one was faster, or it is over."""
    region, ticket = word["region"], word["ticket"]
    packed = await ground.in_region("pack_up", home, [word, region, ticket, False])
    if packed[0] != "packed":
        await ground.in_region("drop_guest", region, [word["session"], ticket])
        return None
    return await deliver(ground, home, packed[1])


async def deliver(ground: Ground, home: str, raw: str | bytes) -> list[Any] | None:
    """Brings a parcel to its end; any number of processes may do so at once. None where it has arrived before and gone on."""
    _, _, region, ticket, of, fence = inner(raw)
    session = SessionId(of)
    word: list[Any] = await ground.in_region("arrive", region, [raw])
    while word[0] == "lapsed" and not await _has_gone_on(ground, session, fence):
        addressed = await _address_again(ground, home, raw)
        if addressed is None:
            return None
        ticket = inner(addressed)[3]
        word = await ground.in_region("arrive", region, [addressed])
        raw = addressed
    has_arrived = word[0] in ("claimed", "arrived")
    if has_arrived:
        fence = word[4] if word[0] == "claimed" else word[1]
        await ground.run("moved", FLEET, [session, region, fence])
        ground.remember(session, region)
    await ground.in_region("delivered", home, [session, ticket])
    return word if has_arrived else None


async def _address_again(ground: Ground, home: str, raw: str | bytes) -> str | bytes | None:
    """What waited for it has lapsed: with another ticket, to a slot or to none. None where somebody else did so."""
    _, request, region, ticket, session, _ = inner(raw)
    fresh = f"{request['request']}.{ground.draw(8).hex()}"
    await ground.in_region("welcome", region, {**request, "ticket": fresh, "wait": 0, "forced": True})
    packed = await ground.in_region("pack_up", home, [request, region, fresh, ticket])
    if packed[0] == "packed":
        addressed: str | bytes = packed[1]
        return addressed
    await ground.in_region("drop_guest", region, [session, fresh])
    return None


async def find(ground: Ground, session: SessionId, region: str) -> None:
    """A session that this region does not have, though the fleet's shard names it, may be on its way: it arrives."""
    raw = await ground.command(region_tag(region), "HGET", ":away", session)
    if raw is not None:
        await deliver(ground, region, raw)


async def _has_gone_on(ground: Ground, session: str, fence: int) -> bool:
    """Whether it arrived before, and ended or moved on since. What has not is still where the fleet's shard saw it last."""
    raw = await ground.command(FLEET, "HGET", ":s", session)
    about = unpack(raw) if raw is not None else None
    return about is None or (len(about) > 4 and about[4] > fence)
