"""A store that lost its data: what workers and gateways bring back, and what is not placed over it meanwhile.

Every test begins with a store that knows nothing, as it does after the loss.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from moorage.errors import Code
from moorage.ids import GatewayId, SessionId, WorkerId
from scheduler.values import (
    Adopted,
    Claimed,
    Held,
    Refused,
    SessionOnWorker,
    Wanted,
)
from tests.builders import a_worker_id
from tests.scheduler.builders import START, a_request, a_worker
from tests.scheduler.world import World

WINDOW = 15.0
LOST = GatewayId("gtw_lost")
"""A gateway of the time before the loss."""
KEY = b"k" * 32
FENCE = int(START * 1_000_000) - 1000


@pytest_asyncio.fixture(autouse=True)
async def the_window_passes(world: World) -> AsyncIterator[None]:
    """So that what is nobody's does not count at the end."""
    yield
    await world.advance(WINDOW + 1)


def on_it(session: SessionId, fence: int = FENCE, *, is_attached: bool = True) -> SessionOnWorker:
    return SessionOnWorker(session, fence, is_attached)


async def returned(world: World, *sessions: SessionOnWorker, number: int = 0, slots: int = 10, **said: str) -> WorkerId:
    """A worker of the time before, with these sessions."""
    again = a_worker_id(number)
    answer = await world.worker(a_worker(again=again, claim_key=KEY, sessions=sessions, slots=slots, **said))  # type: ignore[arg-type]
    assert (answer.worker, answer.claim_key) == (again, KEY)
    return again


async def adopt(world: World, *held: Held, gateway: GatewayId = LOST) -> Adopted:
    """As a gateway does that the store does not know any more."""
    if not await world.store.renew(gateway):
        await world.gateway(gateway)
    return await world.store.adopt(gateway, list(held))


async def is_open(world: World, region: str = "eu") -> bool:
    """Whether a new session is placed there."""
    answer = await world.store.claim(a_request(wanted=Wanted(regions=(region,)), now=world.now))
    if isinstance(answer, Claimed):
        await world.store.release(answer.session, answer.fence)
        return True
    assert isinstance(answer, Refused)
    assert answer.code is Code.STORE_UNAVAILABLE
    assert answer.retry_after is not None
    assert 0 < answer.retry_after <= WINDOW
    return False
