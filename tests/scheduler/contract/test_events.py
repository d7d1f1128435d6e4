"""Events are kept in order until they are dealt with; notices until they are read, within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from moorage.errors import Code
from scheduler.policy import SchedulerPolicy
from scheduler.store import Unavailable
from scheduler.values import Claimed, Refused, Revocation, Revoked
from tests.scheduler.builders import FAR, NEAR, a_request, a_worker
from tests.scheduler.world import Make, World, a_world


@pytest_asyncio.fixture
async def small(make: Make) -> AsyncIterator[World]:
    """A store that keeps four events and three notices."""
    async with a_world(make, SchedulerPolicy(events=4, notices_per_gateway=3)) as made:
        yield made


async def test_positions_differ_and_reading_drops_nothing(world: World) -> None:
    await world.worker(a_worker())
    await world.attach()

    first = await world.store.events("test", 10, 0)
    second = await world.store.events("test", 1, 0)

    assert len({event.position for event in first}) == 2
    assert second == first[:1]


async def test_what_is_acknowledged_does_not_come_again(world: World) -> None:
    await world.worker(a_worker())
    for _ in range(3):
        await world.attach()

    events = await world.store.events("test", 10, 0)
    await world.store.acknowledge("test", events[:2])
    await world.store.acknowledge("test", events[:1])

    assert await world.store.events("test", 10, 0) == events[2:]
    await world.store.acknowledge("test", events)
    await world.attach()
    assert [event.type for event in await world.store.events("test", 10, 0)] == ["session.started"]


async def test_a_reader_waits_for_the_first_event(world: World) -> None:
    reading = asyncio.create_task(world.store.events("test", 10, 5.0))
    await asyncio.sleep(0)

    await world.worker(a_worker())

    assert [event.type for event in await reading] == ["worker.joined"]


async def test_a_reader_does_not_wait_longer_than_it_said(world: World) -> None:
    assert await world.store.events("test", 10, 0.01) == []
    assert await world.store.events("test", 10, 0) == []


async def test_events_that_nobody_reads_stop_new_sessions_but_lose_none(small: World) -> None:
    await small.worker(a_worker())
    held = [await small.attach() for _ in range(3)]

    refused = await small.store.claim(a_request())
    for one in held:
        await small.end(one.session)

    assert isinstance(refused, Refused)
    assert refused.code is Code.STORE_UNAVAILABLE
    assert len(await small.events()) == 7
    await small.acknowledge_all()
    assert isinstance(await small.store.claim(a_request()), Claimed)


async def test_a_watch_hears_from_its_call_on(world: World) -> None:
    early, late = (Revocation("user", name, world.now + 60, world.now) for name in ("u1", "u2"))
    await world.store.revoke(early)

    notices = world.store.watch(FAR)
    await world.store.revoke(late)

    assert await anext(notices) == Revoked(late)


async def test_watching_again_ends_the_earlier_watch(world: World) -> None:
    earlier = world.store.watch(FAR)

    world.store.watch(FAR)

    assert [notice async for notice in earlier] == []


async def test_leaving_ends_the_watch_behind_what_is_there(world: World) -> None:
    notices = world.store.watch(FAR)
    revocation = Revocation("user", "u1", world.now + 60, world.now)
    await world.store.revoke(revocation)

    await world.store.leave(FAR)

    assert [notice async for notice in notices] == [Revoked(revocation)]


async def test_a_gateway_that_does_not_read_is_cut_from_its_notices_and_may_watch_again(small: World) -> None:
    notices = small.store.watch(NEAR)
    for number in range(4):
        await small.store.revoke(Revocation("user", f"u{number}", small.now + 60, small.now))

    with pytest.raises(Unavailable):
        await anext(notices)

    again = small.store.watch(NEAR)
    last = Revocation("user", "last", small.now + 60, small.now)
    await small.store.revoke(last)
    assert await anext(again) == Revoked(last)


async def test_a_session_shows_where_it_is(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()

    [view] = await world.store.sessions()

    assert (view.session, view.worker, view.gateway) == (held.session, joined.worker, NEAR)
    assert (view.region, view.pool, view.fence) == ("eu", "gpu", held.fence)


async def test_nodes_are_the_live_gateways_and_their_addresses(world: World) -> None:
    assert await world.store.nodes() == {NEAR: f"wss://{NEAR}", FAR: f"wss://{FAR}"}
