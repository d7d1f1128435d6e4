"""Workers that register again: what they keep, and what became of their sessions."""

from __future__ import annotations

import pytest

from moorage.errors import Code
from moorage.ids import WorkerId
from scheduler.values import (
    ClaimState,
    Done,
    Granted,
    Order,
    Queued,
    Refused,
    SessionOnWorker,
)
from tests.scheduler.builders import a_request, a_session, a_worker
from tests.scheduler.world import World


async def test_registering_again_keeps_id_and_slots(world: World) -> None:
    joined = await world.worker(a_worker(slots=2))
    held = await world.attach()

    again = await world.worker(
        a_worker(
            slots=3,
            again=joined.worker,
            claim_key=joined.claim_key,
            sessions=(SessionOnWorker(held.session, held.fence, True),),
        )
    )

    assert again == joined
    view = await world.view(joined.worker)
    assert (view.slots, view.held) == (3, 1)
    assert (await world.session(held.session)).state is ClaimState.HELD


async def test_registering_again_needs_the_key(world: World) -> None:
    joined = await world.worker(a_worker())

    for key in (None, b"x" * 32):
        answer = await world.store.register(a_worker(again=joined.worker, claim_key=key))
        assert isinstance(answer, Refused)
        assert answer.code is Code.PERMISSION_DENIED


async def test_registering_again_elsewhere_or_with_too_few_slots_is_a_conflict(world: World) -> None:
    joined = await world.worker(a_worker(slots=3))
    for _ in range(2):
        await world.attach()

    answers = [
        await world.store.register(a_worker(again=joined.worker, claim_key=joined.claim_key, region="us")),
        await world.store.register(a_worker(again=joined.worker, claim_key=joined.claim_key, slots=1)),
    ]

    assert [answer.code for answer in answers if isinstance(answer, Refused)] == [Code.CONFLICT] * 2


async def test_an_id_the_store_does_not_know_gets_a_new_one(world: World) -> None:
    joined = await world.worker(a_worker(again=WorkerId("wrk_of_another_epoch"), claim_key=b"k" * 32))

    assert joined.worker != "wrk_of_another_epoch"


async def test_a_lost_worker_that_registers_again_has_its_sessions_back(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    world.silence(joined.worker)
    await world.advance(6)
    other = await world.worker(a_worker())

    await world.worker(
        a_worker(
            again=joined.worker,
            claim_key=joined.claim_key,
            sessions=(SessionOnWorker(held.session, held.fence, False),),
        )
    )

    assert (await world.attach(held.session)).worker == joined.worker
    assert (await world.view(other.worker)).used == 0
    assert "worker.returned" in [event.type for event in await world.events()]


@pytest.mark.parametrize("has_kept_it", [True, False])
async def test_a_session_that_waits_for_room_has_its_slot_back_as_soon_as_its_worker_is(
    world: World, *, has_kept_it: bool
) -> None:
    joined = await world.worker(a_worker(slots=1))
    held = await world.attach()
    world.silence(joined.worker)
    await world.advance(6)
    await world.worker(a_worker(slots=1))
    await world.attach()
    waits = a_request(held.session, wait_seconds=8.0, now=world.now)
    assert isinstance(await world.store.claim(waits), Queued)

    listed = (SessionOnWorker(held.session, held.fence, False),) if has_kept_it else ()
    await world.worker(a_worker(slots=1, again=joined.worker, claim_key=joined.claim_key, sessions=listed))

    granted = [notice.claimed for notice in await world.heard() if isinstance(notice, Granted)]
    assert [(claimed.session, claimed.worker) for claimed in granted] == [(held.session, joined.worker)]


async def test_what_it_lost_meanwhile_is_placed_elsewhere(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    world.silence(joined.worker)
    await world.advance(6)
    other = await world.worker(a_worker())

    await world.worker(a_worker(again=joined.worker, claim_key=joined.claim_key))

    assert (await world.attach(held.session)).worker == other.worker


async def test_what_ended_or_moved_meanwhile_it_is_told_to_end(world: World) -> None:
    joined = await world.worker(a_worker())
    ended, moved = await world.attach(), await world.attach()
    world.silence(joined.worker)
    await world.advance(6)
    await world.worker(a_worker())
    await world.end(ended.session)
    await world.attach(moved.session)
    listed = tuple(
        SessionOnWorker(session, fence, False)
        for session, fence in [(ended.session, ended.fence), (moved.session, moved.fence), (a_session(), 5)]
    )

    await world.worker(a_worker(again=joined.worker, claim_key=joined.claim_key, sessions=listed))

    orders = await world.orders(joined.worker)
    assert {order.order for order in orders} == {Order.END_SESSION}
    assert {order.session for order in orders} == {said.session for said in listed}
    assert (await world.view(joined.worker)).used == 0


async def test_a_new_process_of_the_same_name_inherits_nothing(world: World) -> None:
    joined = await world.worker(a_worker(name="same"))
    held = await world.attach()
    world.silence(joined.worker)

    new = await world.worker(a_worker(name="same"))

    assert new.worker != joined.worker
    assert (await world.view(new.worker)).used == 0
    assert (await world.session(held.session)).worker == joined.worker


async def test_a_worker_cannot_make_sessions_its_own(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    liar = await world.worker(a_worker(slots=2))
    lies = tuple(SessionOnWorker(session, held.fence + 9, True) for session in (held.session, a_session()))

    await world.beat(liar.worker, attached=lies)
    await world.worker(a_worker(slots=2, again=liar.worker, claim_key=liar.claim_key, sessions=lies))

    assert (await world.view(liar.worker)).used == 0
    view = await world.session(held.session)
    assert (view.worker, view.fence, view.state) == (held.worker, held.fence, ClaimState.HELD)


@pytest.mark.parametrize("is_listed", [True, False])
async def test_what_was_reserved_on_a_lost_worker_that_is_back_in_time_is_confirmed(
    world: World, *, is_listed: bool
) -> None:
    joined = await world.worker(a_worker())
    claim = await world.claimed(a_request(now=world.now))
    world.silence(joined.worker)
    await world.advance(5.5)
    has = (SessionOnWorker(claim.session, claim.fence, is_attached=False),) if is_listed else ()
    await world.store.register(a_worker(again=joined.worker, claim_key=joined.claim_key, sessions=has))

    assert await world.store.confirm(claim.session, claim.fence) == Done()
