"""Who comes back to a worker that does not answer goes on in any of its regions."""

from __future__ import annotations

from scheduler.values import (
    Claimed,
    ClaimState,
    Granted,
    Refused,
)
from tests.scheduler.builders import a_request, a_worker
from tests.scheduler.contract.regions import EU_US, a_full_worker, used
from tests.scheduler.contract.unanswered import in_vain
from tests.scheduler.contract.waiting import granted, wait
from tests.scheduler.world import World


async def test_it_goes_on_in_the_next_region_that_has_room(world: World) -> None:
    await world.worker(a_worker(region="eu", slots=1))
    first = await world.held(a_request(wanted=EU_US))
    us = await world.worker(a_worker(region="us", slots=1))
    again = await world.claimed(a_request(first.session, wanted=EU_US))

    on: object = await world.store.move(again.session, again.fence)  # which need not look at other regions
    if isinstance(on, Refused):
        on = await world.store.claim(a_request(again.session, wanted=EU_US)._replace(unreached=again.fence))

    assert isinstance(on, Claimed)
    assert (on.region, on.worker) == ("us", us.worker)
    await world.store.confirm(on.session, on.fence)
    assert (await world.session(on.session)).state is ClaimState.HELD


async def test_where_no_region_has_room_it_waits_in_all_of_them(world: World) -> None:
    eu = await world.worker(a_worker(region="eu", slots=1))
    first = await world.held(a_request(wanted=EU_US))
    us, others = await a_full_worker(world, region="us")
    again = await world.claimed(a_request(first.session, wanted=EU_US))
    await wait(world, await in_vain(world, again, wanted=EU_US))

    await world.end(others[0].session)

    [notice] = [notice for notice in await world.heard() if isinstance(notice, Granted)]
    assert (notice.claimed.session, notice.claimed.region) == (first.session, "us")
    await world.advance(4)
    assert await world.heard() == []
    assert await used(world) == {eu.worker: 0, us.worker: 1}


async def test_where_no_region_has_room_it_gets_its_own_slot_again_and_leaves_all_queues(world: World) -> None:
    eu = await world.worker(a_worker(region="eu", slots=1))
    first = await world.held(a_request(wanted=EU_US))
    us, others = await a_full_worker(world, region="us")
    again = await world.claimed(a_request(first.session, wanted=EU_US))
    await wait(world, await in_vain(world, again, wanted=EU_US))

    await world.advance(3)

    [notice] = [notice for notice in await world.heard() if isinstance(notice, Granted)]
    assert (notice.claimed.session, notice.claimed.region) == (first.session, "eu")
    await world.end(others[0].session)
    assert await granted(world) == []
    assert await used(world) == {eu.worker: 1, us.worker: 0}
