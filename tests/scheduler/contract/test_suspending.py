"""A session without its client: what it keeps, where it returns to, how it ends when nobody comes."""

from __future__ import annotations

import pytest

from moorage.errors import Code
from scheduler.values import (
    ClaimState,
    Done,
    Drain,
    Order,
    Outcome,
    Queued,
    Refused,
    Stale,
    Usage,
)
from tests.scheduler.builders import FAR, NEAR, a_request, a_worker
from tests.scheduler.world import World


async def test_a_suspended_session_keeps_its_slot_and_returns_to_its_worker(world: World) -> None:
    for _ in range(4):
        await world.worker(a_worker(slots=1))
    first = await world.attach()
    await world.store.suspend(first.session, first.fence, Usage(), is_worker_lost=False)

    others = {(await world.attach()).worker for _ in range(3)}
    full = await world.store.claim(a_request())
    again = await world.attach(first.session, gateway=FAR)

    assert first.worker not in others
    assert isinstance(full, Refused)
    assert again.worker == first.worker
    assert again.is_resumed
    assert await world.event_types(first.session) == ["session.started", "session.suspended", "session.resumed"]


async def test_suspending_twice_is_done_once(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()

    answers = [
        await world.store.suspend(held.session, held.fence, Usage(1, 1, 1, 1), is_worker_lost=False) for _ in range(2)
    ]

    assert [Done(), Done()] == answers
    assert await world.event_types(held.session) == ["session.started", "session.suspended"]
    assert Usage(1, 1, 1, 1) == (await world.session(held.session)).usage


async def test_a_suspension_whose_confirmation_was_lost_starts_the_session_first(world: World) -> None:
    await world.worker(a_worker())
    claimed = await world.claimed(a_request())

    await world.store.suspend(claimed.session, claimed.fence, Usage(), is_worker_lost=False)

    assert ClaimState.SUSPENDED is (await world.session(claimed.session)).state
    assert await world.event_types(claimed.session) == ["session.started", "session.suspended"]


async def test_a_suspended_session_shows_no_gateway(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()

    await world.store.suspend(held.session, held.fence, Usage(), is_worker_lost=False)

    assert (await world.session(held.session)).gateway is None


@pytest.mark.parametrize(
    ("is_worker_lost", "outcome", "reason"),
    [(False, Outcome.COMPLETED, "CLIENT_GONE"), (True, Outcome.FAILED, "WORKER_LOST")],
)
async def test_a_session_nobody_returns_to_ends_as_its_suspension_tells(
    world: World, is_worker_lost: bool, outcome: Outcome, reason: str
) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    await world.store.suspend(held.session, held.fence, Usage(), is_worker_lost=is_worker_lost)

    await world.advance(29.75)
    assert ClaimState.SUSPENDED is (await world.session(held.session)).state
    await world.advance(0.25)

    record = await world.record(held.session)
    assert (outcome, reason, "scheduler") == (record.outcome, record.reason, record.by)
    assert (Code.WORKER_LOST if is_worker_lost else None) is record.code
    assert (await world.event_types(held.session)).count("session.ended") == 1


async def test_held_time_leaves_suspended_time_out(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    await world.advance(5)
    await world.store.suspend(held.session, held.fence, Usage(), is_worker_lost=False)
    await world.advance(20)
    again = await world.attach(held.session)
    await world.advance(7)

    assert pytest.approx((await world.session(held.session)).held_seconds) == 12
    record = await world.end(again.session)

    assert pytest.approx(record.held_seconds) == 12


async def test_usage_is_summed_over_attaches_and_replaced_within_one(world: World) -> None:
    await world.worker(a_worker())
    one = await world.attach()
    await world.store.checkpoint(one.session, one.fence, Usage(1, 1, 1, 1))
    await world.store.checkpoint(one.session, one.fence, Usage(5, 5, 1, 1))
    await world.store.suspend(one.session, one.fence, Usage(10, 20, 3, 4), is_worker_lost=False)
    two = await world.attach(one.session)
    await world.store.suspend(two.session, two.fence, Usage(1, 2, 3, 4), is_worker_lost=False)
    three = await world.attach(one.session)
    await world.store.checkpoint(three.session, three.fence, Usage(100, 100, 0, 0))

    record = await world.end(one.session)

    assert Usage(111, 122, 6, 8) == record.usage


async def test_a_session_whose_worker_cut_it_off_goes_to_another_one(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    await world.worker(a_worker())
    await world.store.suspend(held.session, held.fence, Usage(), is_worker_lost=True)

    again = await world.attach(held.session)

    assert held.worker != again.worker
    assert (await world.view(held.worker)).used == 0
    orders = await world.orders(held.worker)
    assert [(Order.END_SESSION, held.session)] == [(order.order, order.session) for order in orders]


async def test_it_returns_to_the_one_that_cut_it_off_if_no_other_has_room(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    held = await world.attach()
    await world.store.suspend(held.session, held.fence, Usage(), is_worker_lost=True)

    again = await world.attach(held.session)

    assert held.worker == again.worker
    assert (await world.view(worker.worker)).used == 1


async def test_a_session_of_a_lost_worker_is_placed_anew(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    await world.worker(a_worker())
    world.silence(held.worker)
    await world.advance(6)

    again = await world.attach(held.session)

    assert held.worker != again.worker
    assert again.is_resumed
    assert await world.event_types(held.session) == ["session.started", "session.suspended", "session.resumed"]


async def test_a_session_of_a_removed_worker_is_placed_anew(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    other = await world.worker(a_worker())
    world.silence(held.worker)
    await world.store.remove(held.worker)

    assert other.worker == (await world.attach(held.session)).worker


async def test_during_a_drain_a_session_returns_to_its_worker_and_past_its_deadline_elsewhere(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    other = await world.worker(a_worker())
    await world.store.drain(held.worker, Drain(world.now + 10, 100.0))
    await world.store.suspend(held.session, held.fence, Usage(), is_worker_lost=False)

    before = await world.attach(held.session)
    await world.advance(10)
    after = await world.attach(held.session)

    assert held.worker == before.worker
    assert other.worker == after.worker


async def test_a_displaced_session_waits_while_there_is_no_room_and_does_not_end_meanwhile(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    world.silence(held.worker)
    await world.advance(6)
    await world.worker(a_worker(slots=1))
    blocking = await world.attach()

    waiting = await world.store.claim(a_request(held.session, wait_seconds=60, now=world.now))
    assert isinstance(waiting, Queued)
    await world.advance(50)
    assert ClaimState.SUSPENDED is (await world.session(held.session)).state
    await world.end(blocking.session)

    view = await world.session(held.session)
    assert (ClaimState.RESERVED, blocking.worker) == (view.state, view.worker)


async def test_a_displaced_session_that_waited_in_vain_gets_its_time_to_return_again(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    world.silence(held.worker)
    await world.advance(6)
    await world.worker(a_worker(slots=1))
    await world.attach()
    await world.store.claim(a_request(held.session, wait_seconds=60, now=world.now))

    await world.advance(85)
    assert ClaimState.SUSPENDED is (await world.session(held.session)).state
    await world.advance(10)

    assert Outcome.FAILED is (await world.record(held.session)).outcome


async def test_a_return_to_a_worker_that_was_lost_while_dialling_is_refused_at_its_confirmation(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()
    world.silence(held.worker)
    await world.advance(4)
    claimed = await world.claimed(a_request(held.session, now=world.now))
    await world.advance(2)

    assert Stale(held.session, claimed.fence) == await world.store.confirm(held.session, claimed.fence)
    assert ClaimState.SUSPENDED is (await world.session(held.session)).state


async def test_resume_seconds_are_those_of_the_newest_attach(world: World) -> None:
    await world.worker(a_worker())
    held = await world.held(a_request(resume_seconds=5, gateway=NEAR))
    again = await world.held(a_request(held.session, resume_seconds=50))
    await world.store.suspend(again.session, again.fence, Usage(), is_worker_lost=False)

    await world.advance(40)

    assert ClaimState.SUSPENDED is (await world.session(held.session)).state
