"""How tests of the queue wait, and hear whose turn it is."""

from __future__ import annotations

from moorage.ids import SessionId
from scheduler.values import (
    ClaimRequest,
    Granted,
    Queued,
)
from tests.scheduler.builders import FAR, NEAR
from tests.scheduler.world import World


async def wait(world: World, request: ClaimRequest) -> Queued:
    answer = await world.store.claim(request)
    assert isinstance(answer, Queued), answer
    return answer


async def granted(world: World) -> list[SessionId]:
    notices = [*await world.heard(NEAR), *await world.heard(FAR)]
    return [notice.claimed.session for notice in notices if isinstance(notice, Granted)]
