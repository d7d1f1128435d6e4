"""Who stops waiting: at the deadline, of their own will, or because a later connection takes the place."""

from __future__ import annotations

from moorage.errors import Code
from scheduler.values import (
    QueueRefused,
    Refused,
    Wanted,
)
from tests.scheduler.builders import FAR, NEAR, a_request, a_worker
from tests.scheduler.contract.waiting import granted, wait
from tests.scheduler.world import World


async def test_a_waiter_whose_deadline_passes_is_told(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    request = a_request(wait_seconds=5)
    await wait(world, request)

    await world.advance(4.75)
    assert await world.heard(NEAR) == []
    await world.advance(0.25)

    [notice] = await world.heard(NEAR)
    assert isinstance(notice, QueueRefused)
    assert (notice.request, notice.refused.code) == (request.request, Code.ADMISSION_TIMEOUT)
    assert notice.refused.retry_after
    assert await world.store.queue(request.session) is None


async def test_a_waiter_whose_session_expires_is_told(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    await wait(world, a_request(wait_seconds=50, expires_in=3))

    await world.advance(50)

    [notice] = await world.heard(NEAR)
    assert isinstance(notice, QueueRefused)
    assert notice.refused.code is Code.SESSION_EXPIRED


async def test_a_waiter_that_leaves_is_skipped(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    first, second = a_request(wait_seconds=30), a_request(wait_seconds=30)
    await wait(world, first)
    await wait(world, second)

    await world.store.leave_queue(first.request)
    await world.store.leave_queue(first.request)
    await world.end(held.session)

    assert await granted(world) == [second.session]


async def test_who_never_heard_that_it_got_a_slot_gives_it_back_by_its_request(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    request, later = a_request(), a_request(wait_seconds=30)
    await world.store.claim(request)
    await wait(world, later)

    await world.store.leave_queue(request.request)
    kept = await world.view(worker.worker)
    await world.store.leave_queue(request.request, request.session)
    await world.store.leave_queue(request.request, request.session)

    assert kept.reserved == 1
    assert await granted(world) == [later.session]


async def test_a_newer_claim_or_a_held_session_is_not_given_back_by_an_older_request(world: World) -> None:
    worker = await world.worker(a_worker(slots=2))
    older = a_request()
    await world.store.claim(older)
    newer = older._replace(request=a_request().request)
    await world.store.claim(newer)
    held = await world.attach()

    await world.store.leave_queue(older.request, older.session)
    await world.store.leave_queue(a_request().request, held.session)

    assert (await world.view(worker.worker)).used == 2


async def test_leaving_undoes_a_grant_on_its_way(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    held = await world.attach()
    first, second = a_request(wait_seconds=30), a_request(wait_seconds=30)
    await wait(world, first)
    await wait(world, second)
    await world.end(held.session)

    await world.store.leave_queue(first.request)

    assert await granted(world) == [first.session, second.session]
    assert (await world.view(worker.worker)).reserved == 1
    assert await world.store.session(first.session) is None


async def test_leaving_after_the_confirmation_changes_nothing(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    held = await world.attach()
    request = a_request(wait_seconds=30)
    await wait(world, request)
    await world.end(held.session)
    claimed = await world.claimed(request)
    await world.store.confirm(request.session, claimed.fence)

    await world.store.leave_queue(request.request)

    assert (await world.view(worker.worker)).held == 1


async def test_a_granted_slot_that_nobody_takes_goes_to_the_next(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    first, second = a_request(wait_seconds=30), a_request(wait_seconds=30)
    await wait(world, first)
    await wait(world, second)
    await world.end(held.session)

    await world.advance(10)

    assert await granted(world) == [first.session, second.session]


async def test_a_later_connection_of_a_waiting_session_takes_its_place_over(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    first = a_request(wait_seconds=30, gateway=NEAR)
    await wait(world, first)
    await wait(world, a_request(wait_seconds=30))
    again = a_request(first.session, wait_seconds=30, gateway=FAR)

    assert (await wait(world, again)).position == 1

    [notice] = await world.heard(NEAR)
    assert isinstance(notice, QueueRefused)
    assert (notice.request, notice.refused.code) == (first.request, Code.SESSION_SUPERSEDED)
    await world.end(held.session)
    assert await granted(world) == [first.session]


async def test_a_later_connection_that_wants_something_else_waits_anew(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    first = a_request(wait_seconds=30)
    await wait(world, first)
    await world.worker(a_worker(pool="cpu", slots=1, labels=[("kind", "small")]))
    small = frozenset({("kind", "small")})
    await granted(world)
    second = a_request(wait_seconds=30)
    await wait(world, second)
    await world.worker(a_worker(slots=1, labels=[("kind", "big")], is_starting=True))

    big = Wanted(labels=frozenset({("kind", "big")}))
    answer = await wait(world, a_request(second.session, wait_seconds=30, wanted=big))

    assert answer.position == 1
    assert isinstance(await world.store.claim(a_request(wanted=Wanted(labels=small))), Refused)
