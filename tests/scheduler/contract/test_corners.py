"""Corners in which two stores once disagreed: found by tests/scheduler/twins, kept here as what each must do."""

from __future__ import annotations

import os

from moorage import ids
from moorage.errors import Code
from moorage.ids import WorkerId
from scheduler.policy import SchedulerPolicy
from scheduler.values import (
    ClaimState,
    Duplicates,
    EndSession,
    GatewayCordoned,
    Probed,
    QueueRefused,
    Refused,
    Registered,
    SessionOnWorker,
    WorkerState,
)
from tests.scheduler.builders import FAR, NEAR, START, a_held, a_request, a_session, a_worker
from tests.scheduler.contract.waiting import wait
from tests.scheduler.world import STEP, Make, World, a_world


async def test_a_worker_is_told_the_lease_that_is_in_force(make: Make) -> None:
    async with a_world(make, SchedulerPolicy(worker_lost_after=4.0)) as world:
        joined = await world.worker(a_worker())

        assert joined.lease_seconds == 4.0


async def test_room_is_counted_only_where_sessions_may_go(world: World) -> None:
    joined = await world.worker(a_worker(slots=3))
    again = a_worker(slots=3, again=joined.worker, claim_key=joined.claim_key, is_starting=True)
    assert isinstance(await world.store.register(again), Registered)

    [pool] = await world.store.pools()

    assert (pool.slots, pool.free) == (3, 0)


async def test_a_waiter_counts_for_the_first_pool_by_name(world: World) -> None:
    for pool in ("zebra", "apple"):
        await world.worker(a_worker(slots=1, pool=pool))
        await world.attach()
    await wait(world, a_request(wait_seconds=10.0, now=world.now))

    assert [(pool.pool, pool.waiting) for pool in await world.store.pools()] == [("apple", 1), ("zebra", 0)]


async def test_a_waiter_whose_time_to_live_is_shortened_hears_it_in_time(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    request = a_request(wait_seconds=20.0, now=world.now)
    await wait(world, request)

    await world.store.extend(request.session, world.now + 2.0)
    await world.advance(2.5)

    [refused] = [notice for notice in await world.heard() if isinstance(notice, QueueRefused)]
    assert refused.refused.code is Code.SESSION_EXPIRED


async def test_the_holder_of_an_expired_session_is_asked_once(world: World) -> None:
    await world.worker(a_worker())
    await world.held(a_request(expires_in=4.1, now=world.now))

    await world.advance(6)

    asked = [notice for notice in await world.heard() if isinstance(notice, EndSession)]
    assert len(asked) == 1


async def test_a_removed_worker_that_returns_finds_its_sessions_again(world: World) -> None:
    joined = await world.worker(a_worker(slots=2))
    held = await world.attach()
    await world.store.remove(joined.worker)
    world.silence(joined.worker)

    listed = (SessionOnWorker(held.session, held.fence, is_attached=False),)
    await world.worker(a_worker(slots=2, again=joined.worker, claim_key=joined.claim_key, sessions=listed))

    view = await world.view(joined.worker)
    assert (view.used, view.suspended) == (1, 1)
    back = await world.attach(held.session)
    assert back.worker == joined.worker


async def test_a_removed_worker_cannot_return_with_fewer_slots_than_it_left_sessions(world: World) -> None:
    joined = await world.worker(a_worker(slots=2))
    await world.attach()
    await world.attach()
    await world.store.remove(joined.worker)
    world.silence(joined.worker)

    answer = await world.store.register(a_worker(slots=1, again=joined.worker, claim_key=joined.claim_key))

    assert isinstance(answer, Refused)
    assert answer.code is Code.CONFLICT


async def test_a_cordoned_gateway_that_joins_again_hears_that_it_is_cordoned(world: World) -> None:
    await world.store.cordon_gateway(NEAR, is_cordoned=True)
    await world.heard()

    await world.store.join(NEAR, "wss://near")

    assert await world.heard() == [GatewayCordoned(True)]


async def test_who_asked_for_a_session_hears_the_answer_though_it_ended_meanwhile(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    request = a_request(held.session, gateway=FAR, duplicates=Duplicates.REJECT, now=world.now)
    await world.store.claim(request)
    await world.end(held.session)
    await world.heard(FAR)

    await world.store.probed(held.session, held.fence, request.request, is_alive=True)

    assert await world.heard(FAR) == [Probed(request.request, is_alive=True)]


async def test_an_attach_that_its_gateway_names_with_an_older_fence_is_suspended(world: World) -> None:
    joined = await world.worker(a_worker())
    first = await world.attach()
    newest = await world.attach(first.session)
    await world.advance(5)

    answer = await world.store.adopt(NEAR, [a_held(first.session, first.fence, joined.worker)])

    assert [one.fence for one in answer.stale] == [newest.fence]
    assert (await world.session(first.session)).state is ClaimState.SUSPENDED


async def test_workers_that_fall_silent_together_are_judged_together(world: World) -> None:
    first, second, _ = [await world.worker(a_worker()) for _ in range(3)]
    world.silence(first.worker)
    await world.advance(1)
    world.silence(second.worker)

    while (await world.view(first.worker)).state is not WorkerState.LOST:
        await world.advance(STEP)

    assert world.now - START >= 2 * SchedulerPolicy().worker_lost_after
    assert (await world.view(second.worker)).state is WorkerState.SUSPECT


async def test_a_displaced_session_hears_that_its_region_adopts_after_a_loss(world: World) -> None:
    session = a_session()
    unknown = WorkerId(ids.make("wrk", world.now, os.urandom))
    listed = (SessionOnWorker(session, 1_000, is_attached=True),)
    await world.worker(a_worker(again=unknown, claim_key=b"k" * 32, sessions=listed))
    assert (await world.store.adopt(NEAR, [a_held(session, 1_000, unknown)])).stale == []
    await world.store.remove(unknown)
    world.silence(unknown)

    answer = await world.store.claim(a_request(session, wait_seconds=10.0, now=world.now))

    assert isinstance(answer, Refused)
    assert answer.code is Code.STORE_UNAVAILABLE
