"""What is reported of one session, each a script in the region that has it."""

from __future__ import annotations

from typing import Any

from moorage.ids import SessionId
from scheduler.io.redis.carrying import find
from scheduler.io.redis.ground import FLEET, Ground
from scheduler.io.redis.words import answer_of, record_of, wish_word
from scheduler.values import NO_USAGE, End, Ended, EndRecord, Outcome, Stale

_MOST_HOPS = 4  # a session that changes its region while it is asked for


async def tell(ground: Ground, name: str, session: SessionId, *said: Any) -> Any:
    """A report. Where no region has the session it is stale."""
    region = ground.known(session) or await ground.look_up(session)
    if region is None:
        return Stale(session, None)
    answer = answer_of(await ground.in_region(name, region, [session, *said]), region)
    if not isinstance(answer, Stale) or answer.fence is not None:
        return answer
    elsewhere = await _elsewhere(ground, session, region)
    if elsewhere is None:
        return answer
    return answer_of(await ground.in_region(name, elsewhere, [session, *said]), elsewhere)


async def end(ground: Ground, wish: End) -> Ended | Stale:
    """The first valid end wins, in the region that has the session, else in the fleet's shard."""
    word = wish_word(wish)
    region = ground.known(wish.session) or await ground.look_up(wish.session)
    for _ in range(_MOST_HOPS):
        if region is None:
            break
        answer = await ground.in_region("end", region, word)
        if answer[0] != "unknown":
            if answer[0] == "ended":
                ground.forget(wish.session)
            return _ended(answer, region)
        region = await _elsewhere(ground, wish.session, region)
    answer = await ground.run("end_unplaced", FLEET, word)
    if answer[0] == "forgotten":
        return Ended(_forgotten(wish.session), False)
    return _ended(answer, "")


async def ask_to_end(ground: Ground, wish: End) -> bool:
    """Whether its gateway was asked."""
    region = await ground.where(wish.session)
    while region is not None:
        if await ground.in_region("ask_to_end", region, wish_word(wish)):
            return True
        known, region = region, await ground.look_up(wish.session)
        if region == known:
            return False
    return False


async def _elsewhere(ground: Ground, session: SessionId, region: str) -> str | None:
    """The region that has a session which this one does not; it may just be on its way."""
    ground.forget(session)
    found = await ground.look_up(session)
    if found == region:
        await find(ground, session, region)
        found = await ground.look_up(session)
    return found if found != region else None


async def record(ground: Ground, session: SessionId) -> EndRecord | None:
    """How it ended, if that was not long ago."""
    raw = await ground.run("ended", FLEET, session)
    return record_of(raw) if raw else None


def _ended(word: list[Any], region: str) -> Ended | Stale:
    answer: Ended | Stale = answer_of(word, region)
    return answer


def _forgotten(session: SessionId) -> EndRecord:
    """What is answered when the record is no longer, or never was, here: SQL has it."""
    return EndRecord(session, Outcome.COMPLETED, None, "ENDED_EARLIER", "scheduler", 0.0, 0.0, NO_USAGE, True)
