"""Who waits because no worker answered gets its own slot again, or one of a worker that it tried, once these are heard."""

from __future__ import annotations

from scheduler.values import (
    Claimed,
    Granted,
    Heartbeat,
    Queued,
    Usage,
)
from tests.scheduler.builders import NEAR, a_request, a_worker
from tests.scheduler.contract.unanswered import in_vain, unanswered
from tests.scheduler.contract.waiting import granted, wait
from tests.scheduler.world import World


async def test_after_a_while_it_gets_its_own_slot_again_where_its_worker_is_still_heard(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    await wait(world, request)

    await world.advance(2.75)
    early = await world.heard(NEAR)
    await world.advance(0.25)

    assert early == []
    [notice] = await world.heard(NEAR)
    assert isinstance(notice, Granted)
    assert (notice.request, notice.claimed.worker) == (request.request, worker.worker)
    assert await world.store.queue(back.session) is None
    assert (await world.view(worker.worker)).reserved == 1


async def test_after_a_while_it_also_gets_its_own_slot_on_a_worker_that_takes_nobody_new(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    await world.store.cordon(worker.worker)
    await wait(world, request)

    await world.advance(3)

    assert await granted(world) == [back.session]


async def test_after_a_while_a_worker_that_it_tried_and_that_has_room_is_tried_again(world: World) -> None:
    workers = [await world.worker(a_worker(slots=1)) for _ in range(2)]
    first = await world.attach()
    await world.store.suspend(first.session, first.fence, Usage(), is_worker_lost=False)
    back = await world.claimed(a_request(first.session))
    moved = await world.store.move(back.session, back.fence)
    assert isinstance(moved, Claimed)
    world.silence(moved.worker)
    await wait(world, await in_vain(world, moved))

    await world.advance(3)

    [notice] = [notice for notice in await world.heard(NEAR) if isinstance(notice, Granted)]
    assert {moved.worker, notice.claimed.worker} == {worker.worker for worker in workers}


async def test_a_silent_worker_that_is_heard_again_gives_it_the_slot_it_kept(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    world.silence(worker.worker)
    await wait(world, request)
    await world.advance(4)
    early = await granted(world)

    await world.store.heartbeat(Heartbeat(worker.worker, 1000, 0))

    assert early == []
    assert await granted(world) == [back.session]


async def test_answered_in_vain_again_it_waits_again(world: World) -> None:
    await world.worker(a_worker(slots=1))
    _, request = await unanswered(world)
    await wait(world, request)
    await world.advance(3)
    [notice] = await world.heard(NEAR)
    assert isinstance(notice, Granted)

    again = await in_vain(world, notice.claimed)

    assert isinstance(await world.store.claim(again), Queued)


async def test_the_room_of_a_worker_that_did_not_answer_goes_to_nobody_who_waits(world: World) -> None:
    dead = await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    world.silence(dead.worker)
    await wait(world, request)
    new = a_request(wait_seconds=30)
    await wait(world, new)

    await world.worker(a_worker(slots=1))
    await world.advance(10)

    assert await granted(world) == [back.session]
    assert await world.store.queue(new.session) is not None


async def test_the_room_of_a_worker_that_did_not_answer_is_given_out_at_its_next_heartbeat(world: World) -> None:
    alive = await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    await wait(world, request)
    new = a_request(wait_seconds=30)
    await wait(world, new)
    await world.worker(a_worker(slots=1))
    assert await granted(world) == [back.session]

    await world.beat(alive.worker)

    assert await granted(world) == [new.session]


async def test_who_waits_is_not_given_the_slot_of_a_first_attach_that_was_not_answered(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    claimed = await world.claimed(a_request())
    await in_vain(world, claimed)
    request = a_request(wait_seconds=30)
    await wait(world, request)

    await world.store.release(claimed.session, claimed.fence)
    early = await granted(world)
    await world.beat(worker.worker)

    assert early == []
    assert await granted(world) == [request.session]
