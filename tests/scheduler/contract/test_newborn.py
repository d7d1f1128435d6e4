"""A store so new that live workers may yet have to register: who could wait for them is told to ask again, not that there is no
room. Clients give up at the one and not at the other."""

from __future__ import annotations

import pytest

from moorage.deadlines import WORKER_LOST_AFTER
from moorage.errors import Code
from scheduler.policy import SchedulerPolicy
from scheduler.values import NEWBORN, Claimed, Queued, Refused, Wanted
from tests.scheduler.builders import FAR, NEAR, a_request, a_worker
from tests.scheduler.world import Make, World, a_world

ANY = Wanted()
EU = Wanted(regions=("eu",))
EU_US = Wanted(regions=("eu", "us"))
CPU = Wanted(pools=("cpu",))


async def code_of(world: World, wanted: Wanted, wait_seconds: float = 30.0) -> Code:
    answer = await world.store.claim(a_request(wanted=wanted, wait_seconds=wait_seconds, now=world.now))
    assert isinstance(answer, Refused)
    return answer.code


@pytest.mark.parametrize("wanted", [ANY, EU, EU_US, CPU])
async def test_before_any_worker_registered_a_claim_that_may_wait_is_told_to_ask_again(
    world: World, wanted: Wanted
) -> None:
    assert await world.store.claim(a_request(wanted=wanted, wait_seconds=30)) == NEWBORN

    assert (NEWBORN.code, NEWBORN.retry_after) == (Code.STORE_UNAVAILABLE, 1.0)


@pytest.mark.parametrize("wanted", [EU, EU_US, CPU])
async def test_that_others_have_registered_changes_nothing(world: World, wanted: Wanted) -> None:
    await world.worker(a_worker(region="asia"))
    await world.worker(a_worker(region="africa"))

    assert await code_of(world, wanted) is Code.STORE_UNAVAILABLE


@pytest.mark.parametrize("wanted", [ANY, EU, EU_US, CPU])
async def test_who_would_not_wait_hears_of_no_room(world: World, wanted: Wanted) -> None:
    assert await code_of(world, wanted, wait_seconds=0) is Code.NO_CAPACITY


@pytest.mark.parametrize("wanted", [ANY, EU, EU_US, CPU])
async def test_what_has_not_registered_within_a_lease_is_not_there(world: World, wanted: Wanted) -> None:
    await world.advance(WORKER_LOST_AFTER - 0.25)
    before = await code_of(world, wanted)
    await world.advance(0.25)
    after = await code_of(world, wanted)

    assert (before, after) == (Code.STORE_UNAVAILABLE, Code.NO_CAPACITY)


async def test_a_full_worker_has_a_queue_however_new_the_store_is(world: World) -> None:
    await world.worker(a_worker(region="us", slots=1))
    await world.attach()

    answer = await world.store.claim(a_request(wanted=EU_US, wait_seconds=30))

    assert isinstance(answer, Queued)


async def test_the_same_claim_is_served_once_its_worker_is_back(world: World) -> None:
    request = a_request(wanted=EU, wait_seconds=30)
    first = await world.store.claim(request)
    await world.worker(a_worker(region="eu"))

    again = await world.store.claim(request)

    assert first == NEWBORN
    assert isinstance(again, Claimed)


async def test_a_refused_claim_counts_against_no_limit_and_waits_nowhere(world: World) -> None:
    request = a_request(wanted=EU, wait_seconds=30)

    await world.store.claim(request)

    assert await world.store.queue(request.session) is None
    assert await world.store.session(request.session) is None
    for gateway in (NEAR, FAR):
        assert await world.heard(gateway) == []


async def test_a_store_that_begins_with_its_workers_has_nothing_to_wait_for(make: Make) -> None:
    async with a_world(make, SchedulerPolicy(adoption_seconds=0)) as world:
        assert await code_of(world, EU) is Code.NO_CAPACITY
