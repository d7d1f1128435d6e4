"""A session's time to live: what it ends, and how it moves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.errors import Code
from scheduler.values import (
    ClaimState,
    CloseSession,
    Done,
    EndSession,
    Extended,
    Order,
    Outcome,
    Refused,
    Usage,
)
from tests.scheduler.builders import NEAR, START, a_request, a_worker
from tests.scheduler.world import World


async def test_time_to_live_asks_the_holder_to_end_the_session(world: World) -> None:
    worker = await world.worker(a_worker())
    held = await world.held(a_request(expires_in=20))

    await world.advance(19.75)
    assert await world.heard(NEAR) == []
    await world.advance(0.25)
    (asked,) = await world.heard(NEAR)
    assert isinstance(asked, EndSession)
    await world.store.end(replace(asked.wish, usage=Usage(1, 2, 3, 4)))

    record = await world.record(held.session)
    assert (record.outcome, record.code, record.by) == (Outcome.EXPIRED, Code.SESSION_EXPIRED, "scheduler")
    assert (Usage(1, 2, 3, 4), False) == (record.usage, record.is_estimated)
    assert [(Order.END_SESSION, held.session)] == [
        (order.order, order.session) for order in await world.orders(worker.worker)
    ]
    refused = await world.store.claim(a_request(held.session))
    assert isinstance(refused, Refused)
    assert refused.code is Code.SESSION_EXPIRED


async def test_without_the_holders_word_it_expires_a_second_later_all_the_same(world: World) -> None:
    await world.worker(a_worker())
    held = await world.held(a_request(expires_in=20))

    await world.advance(20.75)
    assert ClaimState.HELD is (await world.session(held.session)).state
    await world.advance(0.25)

    record = await world.record(held.session)
    assert (record.outcome, record.is_estimated) == (Outcome.EXPIRED, True)
    assert CloseSession(held.session, held.fence, Code.SESSION_EXPIRED) in await world.heard(NEAR)


@pytest.mark.parametrize("is_suspended", [True, False])
async def test_time_to_live_ends_a_session_that_is_not_attached(world: World, is_suspended: bool) -> None:
    await world.worker(a_worker())
    request = a_request(expires_in=5)
    claimed = await world.claimed(request)
    if is_suspended:
        await world.store.suspend(claimed.session, claimed.fence, Usage(), is_worker_lost=False)

    await world.advance(5)

    assert Outcome.EXPIRED is (await world.record(claimed.session)).outcome


async def test_an_extension_moves_the_end_and_the_gateway_hears(world: World) -> None:
    await world.worker(a_worker())
    held = await world.held(a_request(expires_in=10))

    assert Done() == await world.store.extend(held.session, START + 20)

    assert [Extended(held.session, START + 20)] == await world.heard(NEAR)
    await world.advance(15)
    again = await world.attach(held.session)
    assert again.expires_at == START + 20
    await world.advance(6)
    assert Outcome.EXPIRED is (await world.record(held.session)).outcome


async def test_a_shorter_life_takes_effect_as_well(world: World) -> None:
    await world.worker(a_worker())
    held = await world.held(a_request(expires_in=3600))

    await world.store.extend(held.session, START + 2)
    await world.advance(3)

    assert Outcome.EXPIRED is (await world.record(held.session)).outcome
