"""Which worker a new session gets."""

from __future__ import annotations

import asyncio
from collections import Counter

from moorage.errors import Code
from scheduler.values import Claimed, Concurrency, Refused, Wanted
from tests.scheduler.builders import a_request, a_session, a_worker
from tests.scheduler.world import World


async def test_a_worker_in_use_below_the_soft_cap_comes_before_a_fuller_one_above_it(world: World) -> None:
    await world.worker(a_worker(slots=10, pool="full"))
    low = await world.worker(a_worker(slots=10, pool="low"))
    await world.worker(a_worker(slots=10, pool="empty"))
    for _ in range(9):
        await world.held(a_request(wanted=Wanted(pools=("full",))))
    await world.held(a_request(wanted=Wanted(pools=("low",))))

    got = [(await world.attach()).worker for _ in range(8)]

    assert [low.worker] * 8 == got


async def test_the_fullest_of_those_below_the_soft_cap_is_taken(world: World) -> None:
    fuller = await world.worker(a_worker(slots=10, pool="a"))
    await world.worker(a_worker(slots=10, pool="b"))
    for pool in ("a", "a", "b"):
        await world.held(a_request(wanted=Wanted(pools=(pool,))))

    assert fuller.worker == (await world.attach()).worker


async def test_a_worker_in_use_fills_up_before_an_empty_one_is_opened(world: World) -> None:
    for _ in range(2):
        await world.worker(a_worker(slots=10))

    got = [(await world.attach()).worker for _ in range(10)]

    assert sorted(Counter(got).values()) == [10]


async def test_spread_takes_the_emptiest(world: World) -> None:
    for _ in range(3):
        await world.worker(a_worker(slots=10))

    got = [(await world.held(a_request(wanted=Wanted(is_spread=True)))).worker for _ in range(9)]

    assert sorted(Counter(got).values()) == [3, 3, 3]


async def test_regions_are_tried_in_order(world: World) -> None:
    us = await world.worker(a_worker(region="us", slots=5))
    eu = await world.worker(a_worker(region="eu", slots=2))
    await world.worker(a_worker(region="asia", slots=2))

    got = [(await world.held(a_request(wanted=Wanted(regions=("eu", "us"))))).worker for _ in range(4)]

    assert [eu.worker, eu.worker, us.worker, us.worker] == got


async def test_any_of_the_pools_serves_and_no_other(world: World) -> None:
    await world.worker(a_worker(pool="cpu", slots=3))
    gpu = await world.worker(a_worker(pool="gpu", slots=1))
    big = await world.worker(a_worker(pool="big", slots=1))
    wanted = Wanted(pools=("gpu", "big"))

    got = {(await world.held(a_request(wanted=wanted))).worker for _ in range(2)}
    third = await world.store.claim(a_request(wanted=wanted))

    assert {gpu.worker, big.worker} == got
    assert isinstance(third, Refused)
    assert third.code is Code.NO_CAPACITY


async def test_a_worker_needs_all_the_labels_of_the_session_and_may_have_more(world: World) -> None:
    await world.worker(a_worker(labels=[("gpu", "a100")]))
    right = await world.worker(a_worker(labels=[("gpu", "a100"), ("codec", "opus"), ("zone", "b")]))

    got = await world.held(a_request(wanted=Wanted(labels=frozenset({("gpu", "a100"), ("codec", "opus")}))))

    assert right.worker == got.worker


async def test_concurrent_claims_never_take_more_slots_than_there_are(world: World) -> None:
    for slots in (3, 5, 7):
        await world.worker(a_worker(slots=slots))

    answers = await asyncio.gather(*(world.store.claim(a_request()) for _ in range(40)))

    assert sum(isinstance(answer, Claimed) for answer in answers) == 15
    assert [view.slots - view.used for view in await world.store.workers()] == [0, 0, 0]


async def test_a_refusal_for_want_of_room_says_so_and_when_to_come_again(world: World) -> None:
    await world.worker(a_worker(slots=1))
    await world.attach()

    answer = await world.store.claim(a_request())

    assert isinstance(answer, Refused)
    assert answer.code is Code.NO_CAPACITY
    assert answer.retry_after


async def test_live_sessions_count_once_against_each_limit(world: World) -> None:
    await world.worker(a_worker())
    limits = Concurrency(per_user=2)
    first = await world.held(a_request(limits=limits))
    await world.held(a_request(first.session, limits=limits))
    await world.held(a_request(limits=limits))

    over = await world.store.claim(a_request(limits=limits))
    another_user = await world.store.claim(a_request(user="usr_two", limits=limits))
    await world.end(first.session)
    after_an_end = await world.store.claim(a_request(limits=limits))

    assert isinstance(over, Refused)
    assert over.code is Code.SESSION_LIMIT_EXCEEDED
    assert isinstance(another_user, Claimed)
    assert isinstance(after_an_end, Claimed)


async def test_keys_and_workspaces_have_limits_too(world: World) -> None:
    await world.worker(a_worker())
    await world.attach()

    of_key = await world.store.claim(a_request(user="usr_two", limits=Concurrency(per_key=1)))
    of_workspace = await world.store.claim(
        a_request(user="usr_two", key="key_two", limits=Concurrency(per_workspace=1))
    )

    assert isinstance(of_key, Refused)
    assert isinstance(of_workspace, Refused)
    assert {of_key.code, of_workspace.code} == {Code.SESSION_LIMIT_EXCEEDED}


async def test_a_first_attach_that_fails_gives_its_count_back(world: World) -> None:
    await world.worker(a_worker())
    session = a_session()
    limits = Concurrency(per_user=1)
    claimed = await world.claimed(a_request(session, limits=limits))

    await world.store.release(session, claimed.fence)

    assert isinstance(await world.store.claim(a_request(limits=limits)), Claimed)


async def test_a_session_whose_time_is_over_is_not_placed(world: World) -> None:
    await world.worker(a_worker())

    answer = await world.store.claim(a_request(expires_in=0))

    assert isinstance(answer, Refused)
    assert answer.code is Code.SESSION_EXPIRED
