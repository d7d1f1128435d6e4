"""A client comes back, its worker does not answer, and no other one has room: it waits like any other, and keeps its slot."""

from __future__ import annotations

from moorage.errors import Code
from scheduler.values import (
    Claimed,
    ClaimState,
    CloseSession,
    Duplicates,
    Granted,
    Queued,
    QueueRefused,
    Refused,
    Usage,
)
from tests.scheduler.builders import FAR, NEAR, START, a_request, a_session, a_worker
from tests.scheduler.contract.unanswered import in_vain, unanswered
from tests.scheduler.contract.waiting import granted, wait
from tests.scheduler.world import World


async def test_the_last_worker_dies_and_the_client_waits_for_the_next_one_and_is_served_first(world: World) -> None:
    dead = await world.worker(a_worker(slots=2))
    back, request = await unanswered(world)
    world.silence(dead.worker)

    place = await wait(world, request)
    await world.advance(3)
    later = a_request(wait_seconds=30, now=world.now)
    await wait(world, later)
    await world.worker(a_worker(slots=1))

    assert place == Queued(request.request, 1, None, START + 30)
    [notice] = await world.heard(NEAR)
    assert isinstance(notice, Granted)
    assert notice.request == request.request
    assert notice.claimed.worker not in (back.worker, dead.worker)
    assert (notice.claimed.is_resumed, notice.claimed.carried_bytes) == (True, 3)
    assert notice.claimed.fence > back.fence
    assert (await world.view(dead.worker)).used == 0


async def test_while_it_waits_it_keeps_its_slot_and_does_not_end(world: World) -> None:
    dead = await world.worker(a_worker(slots=1))
    back, request = await unanswered(world, resume_seconds=4.0)
    other = await world.worker(a_worker(slots=1))
    busy = await world.attach()
    world.silence(dead.worker)

    await wait(world, request)
    await world.advance(20)

    view = await world.session(back.session)
    assert (view.state, view.worker) == (ClaimState.SUSPENDED, dead.worker)
    assert (await world.view(dead.worker)).suspended == 1
    await world.end(busy.session)
    assert await granted(world) == [back.session]
    assert (await world.session(back.session)).worker == other.worker


async def test_it_does_not_get_a_worker_that_it_has_tried(world: World) -> None:
    for _ in range(2):
        await world.worker(a_worker(slots=1))
    first = await world.attach()
    await world.store.suspend(first.session, first.fence, Usage(), is_worker_lost=False)
    back = await world.claimed(a_request(first.session))
    moved = await world.store.move(back.session, back.fence)
    assert isinstance(moved, Claimed)

    request = await in_vain(world, moved)

    assert isinstance(await world.store.claim(request), Queued)


async def test_another_worker_that_has_room_meanwhile_is_taken_at_once(world: World) -> None:
    await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    other = await world.worker(a_worker(slots=1))

    claimed = await world.claimed(request)

    assert claimed.worker == other.worker
    assert claimed.fence > back.fence


async def test_asked_again_it_keeps_its_place(world: World) -> None:
    await world.worker(a_worker(slots=1))
    _, request = await unanswered(world)

    places = [await wait(world, request) for _ in range(2)]

    assert places[0] == places[1]


async def test_its_wait_has_the_deadline_of_any_other(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    back, request = await unanswered(world, wait_seconds=2.0)
    world.silence(worker.worker)
    await wait(world, request)

    await world.advance(2)

    [notice] = await world.heard(NEAR)
    assert isinstance(notice, QueueRefused)
    assert notice.refused.code is Code.ADMISSION_TIMEOUT
    assert ClaimState.SUSPENDED is (await world.session(back.session)).state


async def test_who_does_not_wait_is_refused_and_keeps_the_slot(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    back, request = await unanswered(world, wait_seconds=0.0)

    answer = await world.store.claim(request)

    assert isinstance(answer, Refused)
    assert answer.code is Code.NO_CAPACITY
    assert ClaimState.SUSPENDED is (await world.session(back.session)).state
    assert (await world.view(worker.worker)).suspended == 1


async def test_who_leaves_the_queue_leaves_no_trace_and_comes_back_to_its_own_slot(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    await wait(world, request)

    await world.store.leave_queue(request.request)
    await world.advance(5)

    assert await world.heard(NEAR) == []
    assert ClaimState.SUSPENDED is (await world.session(back.session)).state
    assert (await world.claimed(a_request(back.session, now=world.now))).worker == worker.worker


async def test_a_later_connection_takes_its_place_and_what_it_is_offered(world: World) -> None:
    await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    await wait(world, request)
    later = a_request(back.session, gateway=FAR, wait_seconds=30)

    assert isinstance(await world.store.claim(later), Queued)
    await world.advance(3)

    [refused] = await world.heard(NEAR)
    assert isinstance(refused, QueueRefused)
    assert refused.refused.code is Code.SESSION_SUPERSEDED
    [notice] = await world.heard(FAR)
    assert isinstance(notice, Granted)
    assert notice.request == later.request


async def test_it_takes_nothing_from_a_later_connection(world: World) -> None:
    await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    later = await world.held(a_request(back.session, gateway=FAR))

    answer = await world.store.claim(request)

    assert isinstance(answer, Refused)
    assert answer.code is Code.SESSION_SUPERSEDED
    view = await world.session(back.session)
    assert (view.state, view.fence, view.gateway) == (ClaimState.HELD, later.fence, FAR)


async def test_it_takes_nothing_from_a_later_connection_that_dials_or_has_gone_again(world: World) -> None:
    await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    later = await world.claimed(a_request(back.session, gateway=FAR))

    while_it_dials = await world.store.claim(request)
    await world.store.release(later.session, later.fence)
    after_it = await world.store.claim(request)

    assert while_it_dials == after_it
    assert isinstance(after_it, Refused)
    assert after_it.code is Code.SESSION_SUPERSEDED
    assert (await world.session(back.session)).fence == later.fence


async def test_it_takes_no_place_from_a_later_connection_that_waits(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    world.silence(worker.worker)
    await world.store.release(back.session, back.fence)
    await world.advance(4)
    later = a_request(back.session, gateway=FAR, wait_seconds=30, now=world.now)
    place = await wait(world, later)

    answer = await world.store.claim(request)

    assert isinstance(answer, Refused)
    assert answer.code is Code.SESSION_SUPERSEDED
    assert await wait(world, later) == place


async def test_its_own_attach_is_not_asked_for_a_sign_of_life_and_not_closed(world: World) -> None:
    await world.worker(a_worker(slots=1))
    _, request = await unanswered(world)

    answer = await world.store.claim(request._replace(duplicates=Duplicates.REJECT))

    assert isinstance(answer, Queued)
    assert not [notice for notice in await world.heard(NEAR) if isinstance(notice, CloseSession)]


async def test_given_back_before_or_after_it_goes_on_all_the_same(world: World) -> None:
    await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)

    await world.store.release(back.session, back.fence)
    await wait(world, request)
    await world.store.release(back.session, back.fence)

    assert await world.store.queue(back.session) is not None


async def test_a_session_that_never_was_attached_is_refused_and_keeps_what_it_has(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    claimed = await world.claimed(a_request())
    request = await in_vain(world, claimed)

    answer = await world.store.claim(request)

    assert isinstance(answer, Refused)
    assert answer.code is Code.NO_CAPACITY
    assert (await world.view(worker.worker)).reserved == 1


async def test_a_session_that_ended_meanwhile_has_ended(world: World) -> None:
    await world.worker(a_worker(slots=1))
    back, request = await unanswered(world)
    await world.end(back.session)

    answer = await world.store.claim(request)

    assert isinstance(answer, Refused)
    assert answer.code is Code.SESSION_ENDED


async def test_a_session_that_nobody_knows_is_placed_as_a_new_one(world: World) -> None:
    await world.worker(a_worker(slots=1))

    claimed = await world.claimed(a_request(a_session())._replace(unreached=7))

    assert not claimed.is_resumed
