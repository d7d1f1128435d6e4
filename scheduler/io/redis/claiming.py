"""A claim over shards: the region a session is in, else its regions in order, else the queues of all that could serve it.

Within a region everything is one script; see lua/claim.lua. A session whose worker was lost, and that its own region has no
other for, is carried to the next of its regions that has room; see carrying.py.
"""

from __future__ import annotations

from typing import Any, Literal

from moorage.errors import Code
from scheduler.io.redis.carrying import carry, deliver
from scheduler.io.redis.ground import FLEET, Ground
from scheduler.io.redis.spreading import Spread
from scheduler.io.redis.words import answer_of, claim_word, request_word
from scheduler.values import NEWBORN, Claimed, ClaimRequest, Contested, Queued, Refused

Answer = Claimed | Queued | Contested | Refused
_MOST_HOPS = 4  # a session that moves between regions while it is asked for


async def claim(ground: Ground, spread: Spread, request: ClaimRequest) -> Answer:
    """One attach. The same request again answers the same."""
    wanted = request.wanted.regions
    regions = _candidates(ground, wanted)
    if not regions or len(regions) < len(wanted):
        await ground.refresh_regions()
        regions = _candidates(ground, wanted)
    if not regions:
        retry = ground.policy.full_retry_seconds
        why = "no worker of these regions, pools and labels is known"
        return await _refuse_unplaced(ground, request, Refused(Code.NO_CAPACITY, why, retry))
    home = await _home(ground, request) if len(regions) > 1 else None  # one region finds out by itself
    for _ in range(_MOST_HOPS):
        if home is not None:
            word, region = await _return(ground, spread, request, home, regions)
        elif len(regions) == 1:
            word, region = await _ask(ground, request, regions[0], waits=True), regions[0]
        else:
            word, region = await _over(ground, spread, request, regions)
        match word[0]:
            case "at":
                home = await _known(ground, word[1])
            case "away":
                await deliver(ground, region, word[1])
                home = await ground.look_up(request.session)
            case "lost" | "arrived":  # without a slot
                home = await ground.look_up(request.session)
            case "unplaced":
                home = None
            case _:
                return _read(ground, request, word, region)
    return Refused(Code.STORE_UNAVAILABLE, "the session is moving between regions", 1.0)


def _candidates(ground: Ground, wanted: tuple[str, ...]) -> list[str]:
    return [region for region in wanted if region in ground.regions] if wanted else ground.regions


async def _home(ground: Ground, request: ClaimRequest) -> str | None:
    """On a cluster as the fleet's shard has it: it would be entered there anew under what is merely remembered."""
    if ground.is_one_node:
        return await ground.where(request.session)
    return await ground.look_up(request.session)


async def _known(ground: Ground, region: str) -> str:
    if region not in ground.regions:
        await ground.add_region(region)
    return region


Found = tuple[list[Any], str]
"""What a region answered, and which one it was."""


async def _over(ground: Ground, spread: Spread, request: ClaimRequest, regions: list[str]) -> Found:
    """A new session: each in turn without waiting; then in the queues of all where some worker could serve it. The first of
    them counts it: one that grows before one that does not."""
    growing: list[str] = []
    full: list[str] = []
    refused: list[Found] = []
    for region in regions:
        word = await _ask(ground, request, region, waits=False)
        is_full = word[0] == "refused" and word[1] == Code.NO_CAPACITY.value
        if not is_full and not (word[0] == "refused" and word[4] == "adopting"):
            return word, region
        if word[4] and word[4] != "grows":
            refused.append((word, region))
        else:
            (growing if word[4] else full).append(region)
            refused.insert(0, (word, region))
    waits_in = [*growing, *full]
    if request.wait_seconds <= 0 or not waits_in:
        return _first_to_say(refused)
    first, *others = waits_in
    word = await _ask(ground, request, first, waits=True, hopes=bool(others))
    if word[0] != "queued" or not others:
        return word, first
    return await _spread(ground, spread, request, (word, first), others)


def _first_to_say(refused: list[Found]) -> Found:
    """That a region adopts after a loss of data comes before the want of room, since it passes; that one is too new to have
    workers, before that there are none of that kind."""
    adopting = [one for one in refused if one[0][4] == "adopting"]
    if adopting:
        return min(adopting, key=lambda one: float(one[0][3]))
    first = refused[0]
    if first[0][4] != "unmatched":
        return first
    return next((one for one in refused if one[0][4] == "newborn"), first)


async def _return(ground: Ground, spread: Spread, request: ClaimRequest, home: str, regions: list[str]) -> Found:
    """A session that has a region goes back to its slot; one that lost its worker to the first region with room."""
    others = [region for region in regions if region != home]
    if not others:
        return await _ask(ground, request, home, waits=True), home
    asked: Literal["before", "after"] = "after" if regions[0] == home else "before"
    word = await _ask(ground, request, home, waits=True, elsewhere=asked)
    hopes = others
    if word[0] == "elsewhere":
        hopes = []
        for region in regions:
            if region == home and asked == "before":
                asked = "after"
                word = await _ask(ground, request, home, waits=True, elsewhere=asked)
                if word[0] != "elsewhere":
                    return word, home
            elif region != home:
                word = await _welcome(ground, request, home, region, waits=False)
                if word[0] not in ("full", "unmatched"):
                    return word, region
                if word[0] == "full":
                    hopes.append(region)
        word = await _ask(ground, request, home, waits=True, hopes=bool(hopes))
    if word[0] != "queued" or not hopes:
        return word, home
    return await _spread(ground, spread, request, (word, home), hopes)


async def _spread(ground: Ground, spread: Spread, request: ClaimRequest, first: Found, others: list[str]) -> Found:
    """It waits in one; also in the others. The best place is told, the first slot taken."""
    best, home = first
    has_place = len(best) > 5  # a slot that it lost its worker with, in the region that it waits in
    spread.add(request.request, [home, *others])
    for region in others:
        if has_place:
            word = await _welcome(ground, request, home, region, waits=True)
        else:
            word = await _ask(ground, request, region, waits=True, is_also=True, hopes=True)
        if word[0] == "claimed":
            for other in spread.regions(request.request) or []:
                if other != region:
                    await ground.in_region("leave_queue", other, [request.request])
            return word, region
        if word[0] != "queued":
            spread.leave(request.request, region)
        elif not spread.waits(request.request):  # granted elsewhere meanwhile
            await ground.in_region("leave_queue", region, [request.request])
            break
        elif word[2] < best[2]:
            best = word
    return best, home


async def _welcome(ground: Ground, request: ClaimRequest, home: str, region: str, *, waits: bool) -> list[Any]:
    """Whether it can come from `home`; then it does."""
    word = request_word(request, region, waits=waits)
    word |= {"ticket": request.request, "carried": home}
    if waits:
        word |= {"also": True, "hopes": True}
    answer = list(await ground.in_region("welcome", region, word))
    if answer[0] != "expected":
        return answer
    return await carry(ground, word, home) or ["lost"]


async def _ask(
    ground: Ground,
    request: ClaimRequest,
    region: str,
    *,
    waits: bool,
    is_also: bool = False,
    elsewhere: str = "",
    hopes: bool = False,
) -> list[Any]:
    more: dict[str, Any] = {}
    if elsewhere:
        more["elsewhere"] = elsewhere
    if hopes:
        more["hopes"] = True
    if is_also:
        more["also"] = more["entered"] = True
    elif not ground.is_one_node:
        entered = await ground.run("enter", FLEET, request_word(request, region, waits=waits))
        if entered[0] == "refused" or (entered[0] == "at" and entered[1] != region):
            return list(entered)
        more["entered"] = True
        more["known"] = entered[0] == "at"
    claimed: list[Any] = await ground.in_region("claim", region, claim_word(request, region, more, waits=waits))
    return claimed


def _read(ground: Ground, request: ClaimRequest, word: list[Any], region: str) -> Answer:
    if word[0] in ("claimed", "queued"):
        ground.remember(request.session, region)
    if word[0] == "refused" and word[4] == "newborn" and request.wait_seconds > 0:
        return NEWBORN
    answer: Answer = answer_of(word, region)
    return answer


async def _refuse_unplaced(ground: Ground, request: ClaimRequest, refused: Refused) -> Answer:
    """What the fleet's shard has against it comes before the want of room."""
    word = await ground.run("admits", FLEET, request_word(request, "", waits=False))
    if word[0] == "at":
        home = await _known(ground, word[1])
        return _read(ground, request, await _ask(ground, request, home, waits=True), home)
    if word[0] == "admitted":
        return NEWBORN if word[1] and request.wait_seconds > 0 else refused
    answer: Answer = answer_of(word, "")
    return answer
