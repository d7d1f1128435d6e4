"""How many sessions a worker was given since it registered: whoever looks now and then sees those too who came and left."""

from __future__ import annotations

import asyncio

from moorage.ids import WorkerId
from scheduler.values import Claimed, Done, Refused, Usage
from tests.builders import a_worker_id
from tests.scheduler.builders import NEAR, a_held, a_request, a_session, a_worker
from tests.scheduler.contract.afterloss import KEY, on_it
from tests.scheduler.contract.regions import a_displaced_one, a_full_worker, back
from tests.scheduler.contract.unanswered import unanswered
from tests.scheduler.contract.waiting import granted, wait
from tests.scheduler.world import World


async def came(world: World) -> dict[WorkerId, int]:
    """Of all workers; of each alone it is the same."""
    found = {view.worker: view.came for view in await world.store.workers()}
    assert found == {worker: (await world.view(worker)).came for worker in found}
    return found


async def suspended(world: World, held: Claimed) -> None:
    assert await world.store.suspend(held.session, held.fence, Usage(), is_worker_lost=False) == Done()


async def test_a_worker_begins_at_zero_and_counts_whoever_is_placed_there(world: World) -> None:
    joined = await world.worker(a_worker())
    before = await came(world)

    for _ in range(3):
        await world.attach()

    assert (before, await came(world)) == ({joined.worker: 0}, {joined.worker: 3})


async def test_claims_that_come_together_count_one_each(world: World) -> None:
    workers = [await world.worker(a_worker(slots=8)) for _ in range(3)]

    answers = await asyncio.gather(*(world.store.claim(a_request()) for _ in range(20)))

    placed = [answer.worker for answer in answers if isinstance(answer, Claimed)]
    assert await came(world) == {joined.worker: placed.count(joined.worker) for joined in workers}
    assert len(placed) == 20


async def test_slots_that_are_freed_together_count_for_those_who_waited(world: World) -> None:
    joined = await world.worker(a_worker(slots=4))
    first = [await world.attach() for _ in range(4)]
    for _ in range(3):
        await wait(world, a_request(wait_seconds=30))

    await asyncio.gather(*(world.end(held.session, by="client", fence=held.fence) for held in first))

    assert len(await granted(world)) == 3
    assert await came(world) == {joined.worker: 7}


async def test_a_waiter_counts_when_its_turn_has_come(world: World) -> None:
    joined = await world.worker(a_worker(slots=1))
    held = await world.attach()
    await wait(world, a_request(wait_seconds=30))
    before = await came(world)

    await world.end(held.session)

    assert len(await granted(world)) == 1
    assert (before, await came(world)) == ({joined.worker: 1}, {joined.worker: 2})


async def test_another_one_in_the_slot_that_came_free_counts(world: World) -> None:
    joined = await world.worker(a_worker(slots=1))
    first = await world.attach()
    await world.end(first.session)

    await world.attach()

    view = await world.view(joined.worker)
    assert (view.used, view.came) == (1, 2)


async def test_a_reservation_that_comes_to_nothing_came_and_left(world: World) -> None:
    joined = await world.worker(a_worker())
    released = await world.claimed(a_request())
    await world.store.release(released.session, released.fence)
    await world.claimed(a_request())
    await world.advance(11)

    view = await world.view(joined.worker)
    assert (view.used, view.came) == (0, 2)


async def test_a_session_that_comes_back_to_the_slot_it_has_does_not_count_again(world: World) -> None:
    joined = await world.worker(a_worker())
    request = a_request()
    held = await world.held(request)

    await world.claimed(request)
    await suspended(world, held)
    again = await world.attach(held.session)
    await world.attach(held.session)
    await world.store.release(again.session, again.fence)

    assert await came(world) == {joined.worker: 1}


async def test_a_session_that_moves_counts_where_it_goes_and_stays_counted_where_it_was(world: World) -> None:
    first, second = [await world.worker(a_worker()) for _ in range(2)]
    held = await world.claimed(a_request())

    moved = await world.store.move(held.session, held.fence)

    assert isinstance(moved, Claimed)
    assert moved.worker != held.worker
    assert await came(world) == {first.worker: 1, second.worker: 1}


async def test_a_session_that_no_worker_is_left_for_counts_where_it_waited_for(world: World) -> None:
    dead = await world.worker(a_worker())
    _, request = await unanswered(world)
    world.silence(dead.worker)
    await wait(world, request)

    other = await world.worker(a_worker())

    assert len(await granted(world)) == 1
    assert await came(world) == {dead.worker: 1, other.worker: 1}


async def test_a_session_that_goes_on_in_another_region_counts_there_once(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)

    again = await world.held(back(held, world))

    assert again.worker == us.worker
    assert await came(world) == {eu.worker: 1, us.worker: 1}


async def test_a_session_that_waits_for_another_region_counts_there_once(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    held = await a_displaced_one(world, eu)
    us, others = await a_full_worker(world, region="us")
    await wait(world, back(held, world, wait_seconds=30))

    await world.end(others[0].session)

    assert await granted(world) == [held.session]
    assert await came(world) == {eu.worker: 1, us.worker: 2}


async def test_beats_and_another_registration_leave_the_count_as_it_is(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    await world.end(held.session)

    await world.advance(5)
    await world.worker(a_worker(again=joined.worker, claim_key=joined.claim_key))
    await world.attach()

    assert await came(world) == {joined.worker: 2}


async def test_a_lost_worker_that_is_back_goes_on_counting_and_its_sessions_do_not_count_again(world: World) -> None:
    joined = await world.worker(a_worker(slots=1))
    held = await world.attach()
    other, _ = await a_full_worker(world, region="eu")
    world.silence(joined.worker)
    await world.advance(11)
    await wait(world, a_request(held.session, wait_seconds=30, now=world.now))

    await world.worker(a_worker(slots=1, again=joined.worker, claim_key=joined.claim_key))

    assert await granted(world) == [held.session]
    assert (await world.session(held.session)).worker == joined.worker
    assert await came(world) == {joined.worker: 1, other.worker: 1}


async def test_another_life_begins_at_zero(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    world.silence(joined.worker)
    assert await world.store.remove(joined.worker) == Done()

    same = await world.worker(a_worker(again=joined.worker, claim_key=joined.claim_key))
    other = await world.worker(a_worker())

    assert same.worker == joined.worker
    assert (await world.session(held.session)).worker == same.worker
    assert await came(world) == {same.worker: 0, other.worker: 0}


async def test_what_a_gateway_still_relays_does_not_come_again(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    await suspended(world, held)

    stale = await world.adopt(NEAR, held)

    assert stale == []
    assert await came(world) == {joined.worker: 1}


async def test_sessions_from_before_a_loss_of_data_did_not_come_since(world: World) -> None:
    worker = a_worker_id(0)
    relayed = a_held(a_session(), int(world.now * 1_000_000) - 1000, worker)
    listed = on_it(relayed.session, relayed.fence)
    await world.worker(a_worker(again=worker, claim_key=KEY, sessions=(listed,)))

    stale = await world.adopt(NEAR, relayed)

    view = await world.view(worker)
    assert stale == []
    assert (view.held, view.came) == (1, 0)


async def test_who_is_refused_did_not_come(world: World) -> None:
    joined = await world.worker(a_worker(slots=1))
    held = await world.attach()

    refused = await world.store.claim(a_request())

    assert isinstance(refused, Refused)
    assert held.worker == joined.worker
    assert await came(world) == {joined.worker: 1}
