"""Sessions wait for workers that do not exist yet, as long as somebody says that they will come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.errors import Code
from scheduler.values import Granted, PoolStatus, Queued, QueueRefused, Refused, Wanted
from tests.scheduler.builders import a_request, a_status, a_worker
from tests.scheduler.world import World


async def test_a_session_waits_for_a_pool_that_has_no_worker_yet_and_gets_its_first_one(world: World) -> None:
    await world.store.publish_pool(a_status())
    request = a_request(wait_seconds=10)

    queued = await world.store.claim(request)
    await world.worker(a_worker())

    assert isinstance(queued, Queued)
    [granted] = [notice for notice in await world.heard() if isinstance(notice, Granted)]
    assert granted.request == request.request


@pytest.mark.parametrize(
    "status",
    [
        a_status(maximum=0),
        a_status(seconds=0.0),
        a_status(pool="other"),
        a_status(region="us"),
        a_status(labels=[("tier", "silver")]),
    ],
    ids=["none may come", "stale", "another pool", "another region", "other labels"],
)
async def test_nobody_waits_for_a_pool_that_could_not_serve_them(world: World, status: PoolStatus) -> None:
    await world.worker(a_worker(region="us", pool="cpu"))
    await world.advance(20)  # the store is no longer too new to have its workers
    await world.store.publish_pool(replace(status, until=world.now + status.until - status.at))
    wanted = Wanted(regions=("eu",), pools=("gpu",), labels=frozenset({("tier", "gold")}))

    answer = await world.store.claim(a_request(wanted=wanted, wait_seconds=10))

    assert isinstance(answer, Refused)
    assert answer.code is Code.NO_CAPACITY
    assert answer.detail == "no worker of these regions, pools and labels is known"


async def test_who_cannot_wait_is_refused_all_the_same(world: World) -> None:
    await world.store.publish_pool(a_status())

    answer = await world.store.claim(a_request(wait_seconds=0))

    assert isinstance(answer, Refused)
    assert (answer.code, answer.detail) == (Code.NO_CAPACITY, "every matching slot is taken")


async def test_waiters_outlive_the_last_worker_of_a_pool_that_is_scaled(world: World) -> None:
    registered = await world.worker(a_worker(slots=1))
    await world.attach()
    await world.store.publish_pool(a_status(seconds=100))
    request = a_request(wait_seconds=30)
    await world.store.claim(request)
    world.silence(registered.worker)

    await world.store.remove(registered.worker)

    assert not [notice for notice in await world.heard() if isinstance(notice, QueueRefused)]
    assert await world.store.queue(request.session) is not None


@pytest.mark.parametrize("how", ["silence", "maximum", "labels"])
async def test_waiters_hear_it_at_once_when_no_worker_is_to_come_any_more(world: World, how: str) -> None:
    await world.store.publish_pool(a_status(seconds=3, labels=[("tier", "gold")]))
    request = a_request(wanted=Wanted(labels=frozenset({("tier", "gold")})), wait_seconds=30)
    await world.store.claim(request)
    await world.advance(2.5)
    early = [notice for notice in await world.heard() if isinstance(notice, QueueRefused)]

    if how == "silence":
        await world.advance(0.75)
    elif how == "maximum":
        await world.store.publish_pool(a_status(maximum=0, labels=[("tier", "gold")], at=world.now))
    else:
        await world.store.publish_pool(a_status(labels=[("tier", "silver")], at=world.now))

    assert early == []
    [late] = [notice for notice in await world.heard() if isinstance(notice, QueueRefused)]
    assert (late.request, late.refused.code) == (request.request, Code.NO_CAPACITY)


async def test_a_status_said_again_keeps_waiters(world: World) -> None:
    await world.store.publish_pool(a_status(seconds=3))
    request = a_request(wait_seconds=30)
    await world.store.claim(request)

    for _ in range(3):
        await world.advance(2)
        await world.store.publish_pool(a_status(seconds=3, at=world.now))

    assert await world.store.queue(request.session) is not None


async def test_a_waiter_sees_how_long_a_pool_that_grows_takes(world: World) -> None:
    request = a_request(wait_seconds=30)
    await world.store.publish_pool(a_status(desired=0))
    resting = await world.store.claim(request)

    await world.store.publish_pool(a_status(desired=2))
    view = await world.store.queue(request.session)

    assert isinstance(resting, Queued)
    assert view is not None
    assert (resting.eta_seconds, view.eta_seconds) == (None, 20.0)


async def test_pools_without_workers_are_seen_with_who_waits_for_them(world: World) -> None:
    await world.worker(a_worker(pool="cpu", slots=1))
    await world.attach()
    await world.store.publish_pool(a_status(pool="gpu"))
    await world.store.publish_pool(a_status(pool="off", maximum=0))
    for wanted in (Wanted(), Wanted(pools=("gpu",)), Wanted(pools=("cpu",))):
        await world.store.claim(a_request(wanted=wanted, wait_seconds=30))

    pools = {view.pool: (view.workers, view.free, view.waiting) for view in await world.store.pools()}

    assert pools == {"cpu": (1, 0, 1), "gpu": (0, 0, 2)}


async def test_a_session_waits_in_the_second_region_for_workers_to_come(world: World) -> None:
    await world.worker(a_worker(region="eu", pool="cpu"))
    await world.store.publish_pool(a_status(region="us"))
    request = a_request(wanted=Wanted(regions=("eu", "us"), pools=("gpu",)), wait_seconds=30)

    queued = await world.store.claim(request)
    await world.worker(a_worker(region="us"))

    assert isinstance(queued, Queued)
    [granted] = [notice for notice in await world.heard() if isinstance(notice, Granted)]
    assert granted.claimed.region == "us"


async def test_the_first_region_wanted_counts_a_waiter_of_several(world: World) -> None:
    for region in ("us", "eu"):
        await world.store.publish_pool(a_status(region=region))
    await world.store.claim(a_request(wanted=Wanted(regions=("us", "eu")), wait_seconds=30))

    waiting = {view.region: view.waiting for view in await world.store.pools()}

    assert waiting == {"us": 1, "eu": 0}
    assert await world.store.waiting() == {("us", "gpu"): 1}


async def test_a_region_that_grows_counts_a_waiter_before_one_that_does_not(world: World) -> None:
    await world.worker(a_worker(region="eu", slots=1))
    await world.held(a_request(wanted=Wanted(regions=("eu",))))
    await world.store.publish_pool(a_status(region="us"))
    for wanted in (Wanted(regions=("eu", "us")), Wanted()):
        await world.store.claim(a_request(wanted=wanted, wait_seconds=30))

    waiting = {view.region: view.waiting for view in await world.store.pools()}

    assert waiting == {"eu": 0, "us": 2}
    assert await world.store.waiting() == {("us", "gpu"): 2}


async def test_a_waiter_of_two_regions_goes_on_when_one_of_them_stops_growing(world: World) -> None:
    for region in ("us", "eu"):
        await world.store.publish_pool(a_status(region=region, seconds=100))
    request = a_request(wanted=Wanted(regions=("us", "eu")), wait_seconds=60)
    await world.store.claim(request)

    await world.store.publish_pool(replace(a_status(region="us"), maximum=0))
    first = [notice for notice in await world.heard() if isinstance(notice, QueueRefused)]
    await world.store.publish_pool(replace(a_status(region="eu"), maximum=0))

    assert first == []
    [refused] = [notice for notice in await world.heard() if isinstance(notice, QueueRefused)]
    assert refused.refused.code is Code.NO_CAPACITY
