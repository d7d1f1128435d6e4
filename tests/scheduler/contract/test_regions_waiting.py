"""A session that finds room in no region waits in the queues of all that it allows, and leaves them together."""

from __future__ import annotations

from scheduler.values import (
    ClaimState,
    Granted,
    Queued,
    QueueRefused,
    SessionOnWorker,
)
from tests.scheduler.builders import FAR, NEAR, a_request, a_worker
from tests.scheduler.contract.regions import EU_US, a_displaced_one, a_full_worker, back, ends, used
from tests.scheduler.contract.waiting import granted, wait
from tests.scheduler.world import World


async def test_where_no_region_has_room_it_waits_for_the_first_that_has(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)

    await wait(world, back(held, world, wait_seconds=60))
    await world.end(others[0].session)

    [notice] = [notice for notice in await world.heard() if isinstance(notice, Granted)]
    assert (held.session, us.worker, "us") == (notice.claimed.session, notice.claimed.worker, notice.claimed.region)
    assert notice.claimed.fence > held.fence
    assert notice.claimed.is_resumed
    await world.store.confirm(held.session, notice.claimed.fence)
    assert (await world.session(held.session)).state is ClaimState.HELD
    assert await world.store.queue(held.session) is None
    assert await used(world) == {eu.worker: 0, us.worker: 1}


async def test_it_gets_its_own_slot_when_its_worker_comes_back_while_it_waits(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    await wait(world, back(held, world, wait_seconds=60))

    listed = (SessionOnWorker(held.session, held.fence, False),)
    await world.worker(a_worker(region="eu", again=eu.worker, claim_key=eu.claim_key, sessions=listed))

    [notice] = [notice for notice in await world.heard() if isinstance(notice, Granted)]
    assert eu.worker == notice.claimed.worker
    await world.end(others[0].session)
    assert await granted(world) == []
    assert await used(world) == {eu.worker: 1, us.worker: 0}


async def test_a_new_worker_of_its_own_region_takes_it_while_it_waits(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, _ = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    await wait(world, back(held, world, wait_seconds=60))

    new = await world.worker(a_worker(region="eu"))

    [notice] = [notice for notice in await world.heard() if isinstance(notice, Granted)]
    assert new.worker == notice.claimed.worker
    assert await used(world) == {eu.worker: 0, new.worker: 1, us.worker: 1}


async def test_who_waits_in_vain_is_told_once_and_may_still_return(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    await wait(world, back(held, world, wait_seconds=5))

    await world.advance(6)

    [notice] = [notice for notice in await world.heard() if isinstance(notice, QueueRefused)]
    assert notice.refused.code.value == "ADMISSION_TIMEOUT"
    assert (await world.session(held.session)).state is ClaimState.SUSPENDED
    await world.advance(31)
    assert (await world.record(held.session)).reason == "WORKER_LOST"


async def test_a_waiter_hears_when_the_last_worker_of_all_its_regions_is_gone(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, _ = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    await wait(world, back(held, world, wait_seconds=60))
    await world.heard()

    await world.store.remove(us.worker)

    [notice] = [notice for notice in await world.heard() if isinstance(notice, QueueRefused)]
    assert notice.refused.code.value == "NO_CAPACITY"
    assert await world.store.queue(held.session) is None


async def test_who_leaves_the_queue_leaves_all_its_queues(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    request = back(held, world, wait_seconds=60)
    await wait(world, request)

    await world.store.leave_queue(request.request)
    await world.end(others[0].session)

    assert await granted(world) == []
    assert await used(world) == {eu.worker: 1, us.worker: 0}


async def test_a_grant_that_is_not_wanted_is_given_back(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    request = back(held, world, wait_seconds=60)
    await wait(world, request)
    await world.end(others[0].session)
    await world.heard()

    await world.store.leave_queue(request.request)

    view = await world.session(held.session)
    assert (view.state, view.worker) == (ClaimState.SUSPENDED, us.worker)


async def test_a_session_that_ends_while_it_waits_ends_once_in_all_queues(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    await wait(world, back(held, world, wait_seconds=60))

    record = await world.end(held.session)

    await world.heard()
    await world.end(others[0].session)
    assert await granted(world) == []
    assert [record] == await ends(world, held.session)
    assert await used(world) == {eu.worker: 0, us.worker: 0}


async def test_a_later_connection_takes_its_place_in_all_queues(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us, others = await a_full_worker(world, region="us")
    held = await a_displaced_one(world, eu)
    first = back(held, world, wait_seconds=60)
    await wait(world, first)

    second = a_request(held.session, gateway=FAR, wanted=EU_US, wait_seconds=60, now=world.now)
    assert isinstance(await world.store.claim(second), Queued)
    told = [notice.request for notice in await world.heard(NEAR) if isinstance(notice, QueueRefused)]
    await world.end(others[0].session)

    assert first.request in told
    [notice] = [notice for notice in await world.heard(FAR) if isinstance(notice, Granted)]
    assert (second.request, us.worker) == (notice.request, notice.claimed.worker)
    assert await used(world) == {eu.worker: 0, us.worker: 1}
