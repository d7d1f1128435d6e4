"""A session whose worker was lost goes on in the first region that it allows and that has room."""

from __future__ import annotations

from scheduler.values import (
    ClaimState,
    Directive,
    Drain,
    Order,
    Refused,
    Wanted,
)
from tests.scheduler.builders import a_request, a_worker
from tests.scheduler.contract.regions import CARRIED, EU_US, a_displaced_one, a_full_worker, back, used
from tests.scheduler.world import World


async def test_a_session_whose_region_has_no_other_worker_goes_to_the_next_region(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)

    again = await world.claimed(back(held, world))

    assert (us.worker, "us") == (again.worker, again.region)
    assert again.fence > held.fence
    assert again.is_resumed
    assert await used(world) == {eu.worker: 0, us.worker: 1}
    view = await world.session(held.session)
    assert (view.region, view.worker, view.state) == ("us", us.worker, ClaimState.RESERVED)


async def test_its_own_region_comes_before_later_ones(world: World) -> None:
    first = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, first)
    second = await world.worker(a_worker(region="eu"))

    assert second.worker == (await world.claimed(back(held, world))).worker


async def test_an_earlier_region_that_has_room_by_now_comes_before_its_own(world: World) -> None:
    eu, others = await a_full_worker(world, region="eu")
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, us)
    await world.worker(a_worker(region="us"))
    await world.end(others[0].session)

    again = await world.claimed(back(held, world))

    assert (eu.worker, "eu") == (again.worker, again.region)


async def test_regions_are_tried_in_their_order(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    asia = await world.worker(a_worker(region="asia"))
    await world.worker(a_worker(region="us"))
    wanted = Wanted(regions=("eu", "asia", "us"))
    held = await a_displaced_one(world, eu, wanted=wanted)

    assert asia.worker == (await world.claimed(back(held, world, wanted=wanted))).worker


async def test_a_region_that_it_does_not_allow_is_none_to_go_to(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)

    answer = await world.store.claim(back(held, world, wanted=Wanted(regions=("eu",))))

    assert isinstance(answer, Refused)
    assert await used(world) == {eu.worker: 1, us.worker: 0}


async def test_the_old_worker_hears_that_the_session_moved(world: World) -> None:
    eu = await world.worker(a_worker(region="eu", slots=1))
    us = await world.worker(a_worker(region="us"))
    held = await world.held(a_request(wanted=EU_US))
    await world.store.suspend(held.session, held.fence, CARRIED, is_worker_lost=True)

    again = await world.claimed(back(held, world))

    assert us.worker == again.worker
    assert [Directive(Order.END_SESSION, held.session, held.fence, reason="MOVED")] == await world.orders(eu.worker)
    assert await used(world) == {eu.worker: 0, us.worker: 1}


async def test_a_drained_worker_counts_who_went_to_another_region(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await world.held(a_request(wanted=EU_US))
    await world.store.drain(eu.worker, Drain(world.now + 5, 1))
    await world.advance(6)

    again = await world.claimed(back(held, world))

    assert us.worker == again.worker
    drain = (await world.view(eu.worker)).drain
    assert drain is not None
    assert (drain.sessions_moved, drain.sessions_left) == (1, 0)


async def test_the_same_request_again_is_answered_the_same(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    request = back(held, world)

    first = await world.claimed(request)

    assert first == await world.claimed(request)


async def test_it_may_change_its_region_more_than_once(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    there = await world.held(back(held, world))
    eu = await world.worker(a_worker(region="eu"))
    world.silence(us.worker)
    await world.advance(11)

    again = await world.held(back(there, world))

    assert (eu.worker, "eu") == (again.worker, again.region)
    events = sorted(await world.events(held.session), key=lambda event: event.seq)
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]


async def test_a_session_that_was_never_attached_is_placed_anew(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    reserved = await world.claimed(a_request(wanted=EU_US))
    world.silence(eu.worker)
    await world.advance(6)

    again = await world.claimed(back(reserved, world))

    assert us.worker == again.worker
    assert not again.is_resumed
    assert await used(world) == {eu.worker: 0, us.worker: 1}


async def test_its_own_worker_takes_it_again_where_no_region_has_room(world: World) -> None:
    eu = await world.worker(a_worker(region="eu", slots=1))
    await a_full_worker(world, region="us")
    held = await world.held(a_request(wanted=EU_US))
    await world.store.suspend(held.session, held.fence, CARRIED, is_worker_lost=True)

    assert eu.worker == (await world.claimed(back(held, world))).worker


async def test_a_worker_without_room_comes_before_a_region_that_is_too_new_to_have_any(world: World) -> None:
    eu = await world.worker(a_worker(region="eu", pool="cpu"))
    await world.worker(a_worker(region="us", pool="gpu"))
    await world.store.cordon(eu.worker)

    refused = await world.store.claim(a_request(wanted=Wanted(regions=("eu", "us"), pools=("cpu",)), now=world.now))

    assert isinstance(refused, Refused)
    assert refused.detail == "every matching slot is taken"
