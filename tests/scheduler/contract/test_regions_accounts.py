"""A session that goes on in another region is one session: its usage, its end, its limits and whoever asks for it."""

from __future__ import annotations

from scheduler.values import (
    Claimed,
    ClaimState,
    Concurrency,
    End,
    Ended,
    Held,
    Outcome,
    Refused,
    Revocation,
    Stale,
)
from tests.scheduler.builders import FAR, START, a_held, a_request, a_worker
from tests.scheduler.contract.regions import CARRIED, EU_US, a_displaced_one, back, ends, used
from tests.scheduler.world import World


async def test_what_it_carried_and_its_events_go_on(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await world.held(a_request(wanted=EU_US))
    await world.advance(4)
    await world.store.suspend(held.session, held.fence, CARRIED, is_worker_lost=True)
    world.silence(eu.worker)
    await world.advance(11)

    again = await world.held(back(held, world))
    await world.advance(3)
    answer = await world.store.end(End(held.session, Outcome.COMPLETED, None, "BYE", "client", again.fence, CARRIED))

    assert isinstance(answer, Ended)
    assert answer.record.usage == CARRIED + CARRIED
    assert answer.record.held_seconds == 7
    assert not answer.record.is_estimated
    events = sorted(await world.events(held.session), key=lambda event: event.seq)
    assert [event.seq for event in events] == [1, 2, 3, 4]
    types = ["session.started", "session.suspended", "session.resumed", "session.ended"]
    assert types == [event.type for event in events]
    assert [event.data["region"] for event in events[:3]] == ["eu", "eu", "us"]
    assert again.carried_bytes == 30


async def test_what_its_last_attach_carried_may_still_be_reported(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    again = await world.held(back(held, world))

    late = await world.store.suspend(held.session, held.fence, CARRIED, is_worker_lost=True)

    assert late == Stale(held.session, again.fence)
    record = await world.end(held.session, by="client", fence=again.fence)
    assert record.usage == CARRIED
    assert not record.is_estimated


async def test_it_ends_once_whoever_ends_it(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    await world.held(back(held, world))

    record = await world.end(held.session)

    again = await world.store.end(End(held.session, Outcome.FAILED, None, "LATER", "api"))
    assert again == Ended(record, False)
    assert [record] == await ends(world, held.session)
    assert await used(world) == {eu.worker: 0, us.worker: 0}
    await world.advance(120)
    assert [record] == await ends(world, held.session)
    refused = await world.store.claim(back(held, world))
    assert isinstance(refused, Refused)


async def test_limits_count_it_once(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    await world.held(back(held, world))
    two, one = Concurrency(per_user=2), Concurrency(per_user=1)

    second = await world.store.claim(a_request(wanted=EU_US, limits=two, now=world.now))
    third = await world.store.claim(a_request(wanted=EU_US, limits=two, now=world.now))
    assert isinstance(second, Claimed)
    await world.end(second.session)
    await world.end(held.session)
    fourth = await world.store.claim(a_request(wanted=EU_US, limits=one, now=world.now))

    assert isinstance(third, Refused)
    assert isinstance(fourth, Claimed)


async def test_who_does_not_come_in_the_new_region_gets_the_whole_time_again(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    await world.claimed(back(held, world))

    await world.advance(11)

    assert (await world.session(held.session)).state is ClaimState.SUSPENDED
    assert us.worker == (await world.claimed(back(held, world))).worker
    await world.advance(41)
    record = await world.record(held.session)
    assert (record.outcome, record.reason) == (Outcome.FAILED, "WORKER_LOST")
    assert [record] == await ends(world, held.session)


async def test_a_gateway_that_was_cut_off_hears_that_the_session_goes_on_elsewhere(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    again = await world.held(back(held, world))

    assert [Stale(held.session, again.fence)] == await world.adopt(FAR, a_held_in(held))


def a_held_in(claimed: Claimed) -> Held:
    return a_held(claimed.session, claimed.fence, claimed.worker, region=claimed.region)


async def test_a_revocation_finds_it_in_its_new_region(world: World) -> None:
    eu = await world.worker(a_worker(region="eu"))
    us = await world.worker(a_worker(region="us"))
    held = await a_displaced_one(world, eu)
    await world.held(back(held, world))

    assert await world.store.revoke(Revocation("user", "usr_one", START + 3600, world.now + 1, "R")) == 1
    assert len(await ends(world, held.session)) == 1
    assert await used(world) == {eu.worker: 0, us.worker: 0}
