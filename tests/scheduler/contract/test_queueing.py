"""Waiting for a slot: whose turn it is, who hears, who leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from moorage.errors import Code
from moorage.ids import SessionId
from scheduler.policy import SchedulerPolicy
from scheduler.values import (
    Claimed,
    ClaimRequest,
    Concurrency,
    Granted,
    Queued,
    QueueRefused,
    Refused,
    Wanted,
)
from tests.scheduler.builders import FAR, NEAR, START, a_request, a_session, a_worker
from tests.scheduler.world import Make, World, a_world


@pytest_asyncio.fixture
async def narrow(make: Make) -> AsyncIterator[World]:
    """A store whose queue takes four, and three of one workspace."""
    policy = SchedulerPolicy(queue_waiters=4, queue_waiters_per_workspace=3)
    async with a_world(make, policy) as made:
        yield made


async def wait(world: World, request: ClaimRequest) -> Queued:
    answer = await world.store.claim(request)
    assert isinstance(answer, Queued), answer
    return answer


async def granted(world: World) -> list[SessionId]:
    notices = [*await world.heard(NEAR), *await world.heard(FAR)]
    return [notice.claimed.session for notice in notices if isinstance(notice, Granted)]


async def test_without_room_a_session_waits_and_is_told_its_place(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    first, second = a_request(wait_seconds=30), a_request(wait_seconds=20)

    answers = [await wait(world, request) for request in (first, second)]

    assert answers == [
        Queued(first.request, 1, None, START + 30),
        Queued(second.request, 2, None, START + 20),
    ]
    view = await world.store.queue(second.session)
    assert view is not None
    assert (view.position, view.waited_seconds) == (2, 0.0)


async def test_who_does_not_wait_is_refused(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()

    answer = await world.store.claim(a_request(wait_seconds=0))

    assert isinstance(answer, Refused)
    assert answer.code is Code.NO_CAPACITY


async def test_a_freed_slot_is_the_next_ones_and_only_its_gateway_hears(world: World) -> None:
    worker = await world.worker(a_worker(slots=1))
    held = await world.attach()
    request = a_request(wait_seconds=30, gateway=FAR)
    await wait(world, request)

    await world.end(held.session, by="client", fence=held.fence)

    assert (await world.view(worker.worker)).reserved == 1
    [notice] = await world.heard(FAR)
    assert isinstance(notice, Granted)
    assert (notice.request, notice.claimed.session) == (request.request, request.session)
    assert await world.heard(NEAR) == []
    await world.store.confirm(request.session, notice.claimed.fence)
    assert (await world.view(worker.worker)).held == 1


async def test_a_granted_request_repeated_gets_its_claim(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    request = a_request(wait_seconds=30)
    await wait(world, request)
    await world.end(held.session)

    assert isinstance(await world.store.claim(request), Claimed)


async def test_a_waiting_request_repeated_keeps_its_place(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    first = a_request(wait_seconds=30)
    answer = await wait(world, first)
    await wait(world, a_request(wait_seconds=30))

    assert await wait(world, first) == answer


async def test_workspaces_take_turns_and_within_one_the_first_comes_first(world: World) -> None:
    await world.worker(a_worker(slots=6))
    held = [await world.attach() for _ in range(6)]
    requests = {
        name: a_request(workspace=workspace, wait_seconds=60)
        for name, workspace in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("b2", "b"), ("c1", "c")]
    }
    places = {name: (await wait(world, request)).position for name, request in requests.items()}

    for one in held:
        await world.end(one.session)

    names = {request.session: name for name, request in requests.items()}
    assert [names[session] for session in await granted(world)] == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert places == {"a1": 1, "a2": 2, "a3": 3, "b1": 2, "b2": 4, "c1": 3}


async def test_a_workspace_that_comes_late_is_not_behind_the_whole_line_of_another(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    for _ in range(20):
        await wait(world, a_request(workspace="many", wait_seconds=60))

    late = a_request(workspace="few", wait_seconds=60)
    assert (await wait(world, late)).position == 2
    await world.end(held.session)
    [first] = await granted(world)
    await world.end(first)

    assert await granted(world) == [late.session]


async def test_a_slot_goes_to_the_first_it_can_serve(world: World) -> None:
    await world.worker(a_worker(pool="gpu", slots=1))
    await world.worker(a_worker(pool="cpu", slots=1))
    await world.held(a_request(wanted=Wanted(pools=("gpu",))))
    cpu = await world.held(a_request(wanted=Wanted(pools=("cpu",))))
    await wait(world, a_request(wanted=Wanted(pools=("gpu",)), wait_seconds=30))
    second = a_request(wanted=Wanted(pools=("cpu",)), wait_seconds=30)
    await wait(world, second)

    await world.end(cpu.session)

    assert await granted(world) == [second.session]


async def test_new_room_is_given_to_those_who_wait(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()
    requests = [a_request(wait_seconds=30) for _ in range(3)]
    for request in requests:
        await wait(world, request)

    await world.worker(a_worker(slots=2))

    assert await granted(world) == [request.session for request in requests[:2]]


async def test_room_that_an_uncordon_brings_back_is_given_to_those_who_wait(world: World) -> None:
    worker = await world.worker(a_worker())
    await world.store.cordon(worker.worker)
    request = a_request(wait_seconds=30)
    await wait(world, request)

    await world.store.uncordon(worker.worker)

    assert await granted(world) == [request.session]


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
