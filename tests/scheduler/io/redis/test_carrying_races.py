"""What a process that was stopped on the way, or another at the same time, must not undo."""

from __future__ import annotations

import asyncio

from moorage.ids import GatewayId
from scheduler.io.redis.carrying import deliver
from scheduler.io.redis.ground import FLEET
from scheduler.io.redis.message import inner
from scheduler.io.redis.words import request_word
from scheduler.values import (
    Claimed,
    End,
    Ended,
    Outcome,
    Queued,
    SessionView,
    Usage,
    Wanted,
)
from tests.scheduler.builders import NEAR, a_request, a_worker
from tests.scheduler.io.redis.crossings import EU_US, Place, ground_of, place

__all__ = ["place"]


async def test_a_process_that_was_stopped_brings_nobody_back_who_has_ended(place: Place) -> None:
    parcel = await place.crash_after("pack_up")
    await place.other.sweep()
    await place.world.end(place.session)

    assert await deliver(place.ground, "eu", parcel) is None

    assert await place.copies() == []
    assert await place.left_over() == []
    assert await place.used() == (0, 0)


async def test_nor_whoever_went_on_to_another_region(place: Place) -> None:
    parcel = await place.crash_after("pack_up")
    await place.other.sweep()
    there = await place.other.claim(place.request)
    assert isinstance(there, Claimed)
    await place.other.confirm(there.session, there.fence)
    eu = await place.world.worker(a_worker(region="eu"))
    await place.other.suspend(there.session, there.fence, Usage(), is_worker_lost=True)
    back = await place.other.claim(a_request(place.session, wanted=EU_US, now=place.world.now))
    assert isinstance(back, Claimed)
    assert back.worker == eu.worker

    await deliver(place.ground, "eu", parcel)
    await place.ground.run("moved", FLEET, [place.session, "us", there.fence])  # said late

    assert await place.copies() == ["eu"]
    assert await place.named() == "eu"
    assert await place.left_over() == []


async def test_nor_with_the_slot_that_waits_for_its_next_coming(place: Place) -> None:
    parcel = await place.crash_after("pack_up")
    await place.other.sweep()
    await place.world.end(place.session)
    again = request_word(place.request, "us", waits=False) | {"ticket": "another", "carried": "eu"}
    await place.ground.in_region("welcome", "us", again)

    assert await place.ground.in_region("arrive", "us", [parcel]) == ["lapsed"]

    assert await place.copies() == []


async def test_nor_who_is_on_the_way_to_a_third_region(place: Place) -> None:
    parcel = await place.crash_after("arrive")
    await place.world.worker(a_worker(region="asia"))
    place.ground.remember(place.session, "us")
    there = await place.world.session(place.session)
    await place.ground.in_region("confirm", "us", [place.session, there.fence])
    await place.ground.in_region("suspend", "us", [place.session, there.fence, False, True])
    third = a_request(place.session, wanted=Wanted(regions=("us", "asia")), resume_seconds=300, now=place.world.now)
    word = request_word(third, "asia", waits=False) | {"ticket": third.request, "carried": "us"}
    await place.ground.in_region("welcome", "asia", word)
    assert (await place.ground.in_region("pack_up", "us", [word, "asia", word["ticket"], False]))[0] == "packed"

    assert await deliver(place.ground, "eu", parcel) is None
    await place.other.sweep()

    assert await place.copies() == ["asia"]
    assert await place.named() == "asia"
    assert await place.left_over() == []
    assert await place.used() == (0, 0)


async def test_an_end_that_asks_where_it_only_waits_finds_it_where_it_is(place: Place) -> None:
    await place.world.held(a_request(wanted=Wanted(regions=("us",)), now=place.world.now))
    assert isinstance(await place.other.claim(place.request._replace(wait_seconds=60)), Queued)
    ground_of(place.other).remember(place.session, "us")

    answer = await place.other.end(End(place.session, Outcome.COMPLETED, None, "API", "api"))

    assert isinstance(answer, Ended)
    assert answer.record.held_seconds > 0
    assert len(await place.ends()) == 1
    assert await place.used() == (0, 1)


async def test_two_processes_carry_it_at_once_while_both_sweep(place: Place) -> None:
    place.world.clock.seconds += 0.3
    second = a_request(place.session, wanted=EU_US, resume_seconds=300, now=place.world.now)

    one, _, two, _ = await asyncio.gather(
        place.world.store.claim(place.request),
        place.other.sweep(),
        place.other.claim(second),
        place.world.store.sweep(),
    )

    assert isinstance(one, Claimed) or isinstance(two, Claimed)
    place.world.clock.seconds += 0.3
    await place.other.sweep()
    assert await place.copies() == ["us"]
    assert await place.named() == "us"
    assert await place.left_over() == []
    assert await place.used() == (0, 1)
    view = await place.other.session(place.session)
    assert isinstance(view, SessionView)
    assert view.fence == max(answer.fence for answer in (one, two) if isinstance(answer, Claimed))
    await place.world.end(place.session)
    assert len(await place.ends()) == 1


async def test_an_old_ticket_lets_nobody_in(place: Place) -> None:
    old = await place.crash_after("pack_up")
    place.world.clock.seconds += 11
    await ground_of(place.other).in_region("sweep", "us", [False])
    await place.other.sweep()

    assert await place.ground.in_region("arrive", "us", [old]) != ["lapsed"]  # it is there by now
    await place.world.end(place.session)
    assert await place.ground.in_region("arrive", "us", [old]) == ["lapsed"]
    assert inner(old)[3] == place.request.request
    assert await place.copies() == []


async def test_a_slot_that_was_kept_for_a_waiter_whose_gateway_is_deaf_goes_to_the_next(place: Place) -> None:
    deaf = GatewayId("gtw_deaf")
    await place.other.join(deaf, "wss://deaf")
    place.world.renewing.add(deaf)
    [taken] = [await place.world.held(a_request(wanted=Wanted(regions=("us",)), now=place.world.now))]
    waits = place.request._replace(gateway=deaf, wait_seconds=120)
    assert isinstance(await place.other.claim(waits), Queued)
    second = a_request(wanted=Wanted(regions=("us",)), wait_seconds=120, gateway=NEAR, now=place.world.now)
    assert isinstance(await place.other.claim(second), Queued)

    await place.world.end(taken.session)
    assert (await place.other.session(place.session)) is not None
    await place.world.advance(11)

    assert await place.copies() == ["eu"]
    assert await place.left_over() == []
    got = await place.other.session(second.session)
    assert isinstance(got, SessionView)
    assert got.worker == place.us
    assert await place.other.queue(place.session) is not None
