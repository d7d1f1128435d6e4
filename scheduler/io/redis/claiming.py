"""A claim over shards: the region a session is in, else its regions in order, else the queue of the first that could
serve it. Within a region everything is one script; see lua/claim.lua."""

from __future__ import annotations

from typing import Any

from moorage.errors import Code
from scheduler.io.redis.ground import FLEET, Ground
from scheduler.io.redis.spreading import Spread
from scheduler.io.redis.words import answer_of, request_word
from scheduler.values import Claimed, ClaimRequest, Contested, Queued, Refused

Answer = Claimed | Queued | Contested | Refused
_MOST_HOPS = 3  # a session that moves between regions while it is asked for


async def claim(ground: Ground, spread: Spread, request: ClaimRequest) -> Answer:
    """One attach. The same request again answers the same."""
    regions = await _candidates(ground, request)
    if not regions:
        retry = ground.policy.full_retry_seconds
        why = "no worker of these regions, pools and labels is known"
        return await _refuse_unplaced(ground, request, Refused(Code.NO_CAPACITY, why, retry))
    if len(regions) == 1:
        return await _in(ground, request, regions[0], waits=True)
    return await _over(ground, spread, request, regions)


async def _candidates(ground: Ground, request: ClaimRequest) -> list[str]:
    wanted = request.wanted.regions
    if any(region not in ground.regions for region in wanted) or not ground.regions:
        await ground.refresh_regions()
    return [region for region in wanted if region in ground.regions] if wanted else ground.regions


async def _over(ground: Ground, spread: Spread, request: ClaimRequest, regions: list[str]) -> Answer:
    """Each in turn without waiting; then in the queues of all where some worker could serve it."""
    home = await ground.where(request.session)
    if home is not None:
        return await _in(ground, request, home, waits=True)
    full: list[str] = []
    refused: list[Answer] = []
    for region in regions:
        word = await _ask(ground, request, region, waits=False)
        answer = await _read(ground, request, word, region)
        if not isinstance(answer, Refused) or not (answer.code is Code.NO_CAPACITY or word[4] == "adopting"):
            return answer
        if word[4]:
            refused.append(answer)
        else:
            full.append(region)
            refused.insert(0, answer)
    if request.wait_seconds <= 0 or not full:
        return refused[0]
    return await _wait_in(ground, spread, request, full)


async def _wait_in(ground: Ground, spread: Spread, request: ClaimRequest, regions: list[str]) -> Answer:
    first, *others = regions
    answer = await _in(ground, request, first, waits=True)
    if not isinstance(answer, Queued) or not others:
        return answer
    spread.add(request.request, [*regions])
    for region in others:
        also = await _in(ground, request, region, waits=True, is_also=True)
        if isinstance(also, Claimed):
            spread.regions(request.request)
            for other in regions:
                if other != region:
                    await ground.in_region("leave_queue", other, [request.request])
            return also
        if isinstance(also, Queued) and also.position < answer.position:
            answer = also
    return answer


async def _in(ground: Ground, request: ClaimRequest, region: str, *, waits: bool, is_also: bool = False) -> Answer:
    word = await _ask(ground, request, region, waits=waits, is_also=is_also)
    return await _read(ground, request, word, region)


async def _read(ground: Ground, request: ClaimRequest, word: list[Any], region: str) -> Answer:
    """Follows a session to the region that has it."""
    for _ in range(_MOST_HOPS):
        if word[0] != "at":
            break
        region = word[1]
        if region not in ground.regions:
            await ground.add_region(region)
        word = await _ask(ground, request, region, waits=True)
    if word[0] == "at":
        return Refused(Code.STORE_UNAVAILABLE, "the session is moving between regions", 1.0)
    if word[0] == "claimed" or word[0] == "queued":
        ground.remember(request.session, region)
    answer: Answer = answer_of(word, region)
    return answer


async def _ask(ground: Ground, request: ClaimRequest, region: str, *, waits: bool, is_also: bool = False) -> list[Any]:
    word = request_word(request, region, waits=waits, is_also=is_also)
    if is_also:
        word["entered"] = True
    elif not ground.is_one_node:
        entered = await ground.run("enter", FLEET, word)
        if entered[0] == "refused" or (entered[0] == "at" and entered[1] != region):
            return list(entered)
        word["entered"] = True
    return list(await ground.in_region("claim", region, word))


async def _refuse_unplaced(ground: Ground, request: ClaimRequest, refused: Refused) -> Answer:
    """What the fleet's shard has against it comes before the want of room."""
    word = await ground.run("admits", FLEET, request_word(request, "", waits=False))
    if word[0] == "at":
        return await _in(ground, request, word[1], waits=True)
    return answer_of(word, "") if word[0] == "refused" else refused
