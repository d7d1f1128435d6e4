"""The life of a claim, from its reservation on."""

from __future__ import annotations

from moorage.errors import Code
from scheduler.values import (
    Claimed,
    ClaimState,
    CloseSession,
    Done,
    Order,
    Refused,
    Stale,
    Usage,
)
from tests.scheduler.builders import FAR, NEAR, START, a_request, a_session, a_worker
from tests.scheduler.world import World


async def test_a_claim_says_all_that_a_gateway_needs_to_dial(world: World) -> None:
    registration = a_worker()
    worker = await world.worker(registration)
    request = a_request()

    claimed = await world.claimed(request)

    assert (worker.worker, worker.claim_key) == (claimed.worker, claimed.claim_key)
    assert registration.address == claimed.address
    assert (claimed.region, claimed.pool) == ("eu", "gpu")
    assert claimed.reserved_until == START + 10
    assert request.expires_at == claimed.expires_at
    assert not claimed.is_resumed


async def test_the_same_request_again_gets_the_same_claim(world: World) -> None:
    await world.worker(a_worker(slots=1))
    request = a_request()

    first = await world.claimed(request)
    second = await world.claimed(request)
    await world.store.confirm(first.session, first.fence)
    third = await world.claimed(request)

    assert first == second
    assert first.fence == third.fence


async def test_a_fence_is_at_least_the_clock_and_rises_with_every_attach(world: World) -> None:
    await world.worker(a_worker())
    session = a_session()

    fences = [(await world.attach(session)).fence for _ in range(3)]

    assert fences == sorted(set(fences))
    assert fences[0] >= START * 1_000_000


async def test_a_fence_rises_also_after_a_first_attach_that_failed(world: World) -> None:
    await world.worker(a_worker())
    session = a_session()
    first = await world.claimed(a_request(session))
    await world.store.release(session, first.fence)

    second = await world.claimed(a_request(session))

    assert second.fence > first.fence


async def test_confirming_holds_and_starts_the_session_once(world: World) -> None:
    await world.worker(a_worker())
    claimed = await world.claimed(a_request())

    answers = [await world.store.confirm(claimed.session, claimed.fence) for _ in range(2)]

    assert [Done(), Done()] == answers
    view = await world.session(claimed.session)
    assert (view.state, view.gateway, view.started_at) == (ClaimState.HELD, NEAR, START)
    assert await world.event_types(claimed.session) == ["session.started"]


async def test_every_report_with_an_old_fence_is_refused_with_the_newest(world: World) -> None:
    await world.worker(a_worker())
    old = await world.attach()
    new = await world.attach(old.session)
    stale = Stale(old.session, new.fence)

    assert stale == await world.store.confirm(old.session, old.fence)
    assert stale == await world.store.release(old.session, old.fence)
    assert stale == await world.store.move(old.session, old.fence)
    assert stale == await world.store.checkpoint(old.session, old.fence, Usage())
    assert stale == await world.store.suspend(old.session, old.fence, Usage(), is_worker_lost=False)
    assert ClaimState.HELD is (await world.session(old.session)).state


async def test_reports_of_an_unknown_session_are_stale_without_a_fence(world: World) -> None:
    session = a_session()
    stale = Stale(session, None)

    assert stale == await world.store.confirm(session, 1)
    assert stale == await world.store.release(session, 1)
    assert stale == await world.store.move(session, 1)
    assert stale == await world.store.checkpoint(session, 1, Usage())
    assert stale == await world.store.suspend(session, 1, Usage(), is_worker_lost=False)
    assert stale == await world.store.extend(session, START + 9)


async def test_a_reservation_that_nobody_confirms_frees_its_slot(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    session = a_session()
    claimed = await world.claimed(a_request(session))

    await world.advance(9.9)
    assert (await world.view(worker.worker)).reserved == 1
    await world.advance(0.1)

    assert (await world.view(worker.worker)).used == 0
    assert Stale(session, None) == await world.store.confirm(session, claimed.fence)
    assert isinstance(await world.store.claim(a_request(session)), Claimed)
    assert await world.events(session) == []


async def test_a_resumed_session_whose_reservation_lapses_is_suspended_again(world: World) -> None:
    await world.worker(a_worker())
    first = await world.attach()
    await world.store.suspend(first.session, first.fence, Usage(), is_worker_lost=False)
    await world.advance(25)
    await world.claimed(a_request(first.session, now=world.now))

    await world.advance(10)

    assert ClaimState.SUSPENDED is (await world.session(first.session)).state
    await world.advance(29)
    assert ClaimState.SUSPENDED is (await world.session(first.session)).state


async def test_a_released_first_attach_leaves_nothing_but_an_order_to_forget(world: World) -> None:
    worker = await world.worker(a_worker())
    claimed = await world.claimed(a_request())

    assert Done() == await world.store.release(claimed.session, claimed.fence)

    assert await world.store.session(claimed.session) is None
    assert (await world.view(worker.worker)).used == 0
    orders = await world.orders(worker.worker)
    assert [(Order.END_SESSION, claimed.session, claimed.fence)] == [
        (order.order, order.session, order.fence) for order in orders
    ]


async def test_a_released_later_attach_keeps_the_slot(world: World) -> None:
    await world.worker(a_worker())
    first = await world.attach()
    second = await world.claimed(a_request(first.session))

    assert Done() == await world.store.release(second.session, second.fence)

    assert ClaimState.SUSPENDED is (await world.session(first.session)).state


async def test_a_confirmed_attach_cannot_be_released(world: World) -> None:
    await world.worker(a_worker())
    claimed = await world.attach()

    assert Stale(claimed.session, claimed.fence) == await world.store.release(claimed.session, claimed.fence)
    assert ClaimState.HELD is (await world.session(claimed.session)).state


async def test_moving_tries_every_other_worker_once_within_the_reservation(world: World) -> None:
    workers = {(await world.worker(a_worker())).worker for _ in range(3)}
    claimed = await world.claimed(a_request())
    await world.advance(3)

    second = await world.store.move(claimed.session, claimed.fence)
    third = await world.store.move(claimed.session, claimed.fence)
    fourth = await world.store.move(claimed.session, claimed.fence)

    assert isinstance(second, Claimed)
    assert isinstance(third, Claimed)
    assert workers == {claimed.worker, second.worker, third.worker}
    assert claimed.reserved_until == second.reserved_until == third.reserved_until
    assert isinstance(fourth, Refused)
    assert fourth.code is Code.NO_CAPACITY
    assert sorted(view.used for view in await world.store.workers()) == [0, 0, 1]


async def test_a_held_session_does_not_move(world: World) -> None:
    await world.worker(a_worker())
    await world.worker(a_worker())
    claimed = await world.attach()

    assert isinstance(await world.store.move(claimed.session, claimed.fence), Stale)


async def test_the_worker_that_was_moved_from_is_told_to_forget(world: World) -> None:
    await world.worker(a_worker())
    await world.worker(a_worker())
    claimed = await world.claimed(a_request())

    await world.store.move(claimed.session, claimed.fence)

    orders = await world.orders(claimed.worker)
    assert [(Order.END_SESSION, claimed.session)] == [(order.order, order.session) for order in orders]


async def test_a_second_connection_replaces_the_first_on_the_same_worker(world: World) -> None:
    for _ in range(3):
        await world.worker(a_worker())
    old = await world.attach(gateway=NEAR)

    new = await world.claimed(a_request(old.session, gateway=FAR))

    assert old.worker == new.worker
    assert new.is_resumed
    assert [CloseSession(old.session, old.fence, Code.SESSION_SUPERSEDED)] == await world.heard(NEAR)
    assert (await world.view(old.worker)).used == 1


async def test_a_second_connection_also_replaces_one_that_is_still_dialling(world: World) -> None:
    await world.worker(a_worker())
    old = await world.claimed(a_request())

    new = await world.held(a_request(old.session, gateway=FAR))

    assert [CloseSession(old.session, old.fence, Code.SESSION_SUPERSEDED)] == await world.heard(NEAR)
    assert not new.is_resumed
    assert isinstance(await world.store.confirm(old.session, old.fence), Stale)


async def test_the_superseded_request_repeated_does_not_take_the_session_back(world: World) -> None:
    await world.worker(a_worker())
    request = a_request()
    await world.held(request)
    new = await world.attach(request.session, gateway=FAR)

    answer = await world.store.claim(request)

    assert isinstance(answer, Refused)
    assert answer.code is Code.SESSION_SUPERSEDED
    assert new.fence == (await world.session(request.session)).fence


async def test_what_a_superseded_attach_carried_counts_though_its_report_is_stale(world: World) -> None:
    await world.worker(a_worker())
    old = await world.attach()
    await world.store.checkpoint(old.session, old.fence, Usage(1, 2, 3, 4))
    new = await world.attach(old.session, gateway=FAR)
    await world.store.checkpoint(new.session, new.fence, Usage(100, 0, 0, 0))

    await world.store.suspend(old.session, old.fence, Usage(10, 20, 30, 40), is_worker_lost=False)

    assert Usage(110, 20, 30, 40) == (await world.session(old.session)).usage


async def test_a_later_attach_is_told_what_the_session_carried(world: World) -> None:
    await world.worker(a_worker())
    old = await world.attach()
    await world.store.suspend(old.session, old.fence, Usage(10, 20, 1, 1), is_worker_lost=False)

    new = await world.attach(old.session)

    assert (old.carried_bytes, new.carried_bytes) == (0, 30)
