"""Who may wait: bounds of the queue, those whom no worker can serve, and what shows of the others."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from moorage.deadlines import WORKER_LOST_AFTER
from moorage.errors import Code
from scheduler.policy import SchedulerPolicy
from scheduler.values import (
    Concurrency,
    Queued,
    QueueRefused,
    Refused,
    Wanted,
)
from tests.scheduler.builders import NEAR, a_request, a_session, a_worker
from tests.scheduler.contract.waiting import granted, wait
from tests.scheduler.world import Make, World, a_world


@pytest_asyncio.fixture
async def narrow(make: Make) -> AsyncIterator[World]:
    """A store whose queue takes four, and three of one workspace."""
    policy = SchedulerPolicy(queue_waiters=4, queue_waiters_per_workspace=3)
    async with a_world(make, policy) as made:
        yield made


async def test_a_waiting_session_counts_against_the_limits(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    limits = Concurrency(per_user=1)
    first = a_request(user="usr_w", wait_seconds=5, limits=limits)
    await wait(world, first)

    over = await world.store.claim(a_request(user="usr_w", wait_seconds=5, limits=limits))
    await world.store.leave_queue(first.request)
    after = await world.store.claim(a_request(user="usr_w", wait_seconds=5, limits=limits))

    assert isinstance(over, Refused)
    assert over.code is Code.SESSION_LIMIT_EXCEEDED
    assert isinstance(after, Queued)


async def test_a_full_queue_refuses_and_one_workspace_cannot_fill_it(narrow: World) -> None:
    await narrow.worker(a_worker(slots=1))
    await narrow.attach()
    for _ in range(3):
        await wait(narrow, a_request(workspace="greedy", wait_seconds=30))

    greedy = await narrow.store.claim(a_request(workspace="greedy", wait_seconds=30))
    modest = await narrow.store.claim(a_request(workspace="modest", wait_seconds=30))
    beyond = await narrow.store.claim(a_request(workspace="third", wait_seconds=30))

    assert isinstance(greedy, Refused)
    assert isinstance(modest, Queued)
    assert isinstance(beyond, Refused)
    assert beyond.code is Code.NO_CAPACITY
    assert beyond.retry_after


async def test_who_can_never_be_served_is_refused_at_once(world: World) -> None:
    await world.worker(a_worker(region="eu", slots=1))
    await world.advance(WORKER_LOST_AFTER)

    answer = await world.store.claim(a_request(wanted=Wanted(regions=("us",)), wait_seconds=60))

    assert isinstance(answer, Refused)
    assert answer.code is Code.NO_CAPACITY


async def test_waiters_hope_for_cordoned_and_starting_workers(world: World) -> None:
    cordoned = await world.worker(a_worker(pool="a"))
    await world.store.cordon(cordoned.worker)
    await world.worker(a_worker(pool="b", is_starting=True))

    for pool in ("a", "b"):
        await wait(world, a_request(wanted=Wanted(pools=(pool,)), wait_seconds=60))


async def test_when_the_last_matching_worker_goes_its_waiters_hear_at_once(world: World) -> None:
    eu = await world.worker(a_worker(region="eu", slots=1))
    us = await world.worker(a_worker(region="us", slots=1))
    await world.attach()
    await world.attach()
    only_eu = a_request(wanted=Wanted(regions=("eu",)), wait_seconds=60)
    either = a_request(wait_seconds=60)
    await wait(world, only_eu)
    await wait(world, either)
    await world.heard(NEAR)

    world.silence(eu.worker)
    await world.store.remove(eu.worker)

    refused = [notice for notice in await world.heard(NEAR) if isinstance(notice, QueueRefused)]
    assert [(notice.request, notice.refused.code) for notice in refused] == [(only_eu.request, Code.NO_CAPACITY)]
    assert us.worker in world.beating


async def test_the_estimate_follows_the_rate_at_which_slots_come_free(world: World) -> None:
    await world.worker(a_worker(slots=10))
    held = [await world.attach() for _ in range(10)]
    for _ in range(10):
        await wait(world, a_request(wait_seconds=300))
    last = a_request(wait_seconds=300)
    await wait(world, last)
    for one in held:
        await world.advance(2)
        await world.end(one.session)
        [next_one] = await granted(world)
        await world.attach(next_one)

    view = await world.store.queue(last.session)

    assert view is not None
    assert view.position == 1
    assert view.eta_seconds is not None
    assert 1 < view.eta_seconds < 10


async def test_who_does_not_wait_has_no_place(world: World) -> None:
    assert await world.store.queue(a_session()) is None


async def test_waiters_show_in_the_pool_that_would_serve_them(world: World) -> None:
    await world.worker(a_worker(region="eu", pool="gpu", slots=1))
    await world.worker(a_worker(region="us", pool="gpu", slots=1))
    for _ in range(2):
        await world.attach()
    await wait(world, a_request(wanted=Wanted(regions=("us", "eu")), wait_seconds=60))

    waiting = {(pool.region, pool.pool): pool.waiting for pool in await world.store.pools()}

    assert waiting == {("eu", "gpu"): 0, ("us", "gpu"): 1}
