"""Events that were said together are one entry of the stream, and are read, counted and acknowledged one by one."""

from __future__ import annotations

import asyncio

import pytest

from moorage.errors import Code
from scheduler.io.redis.client.failures import StoreFailed
from scheduler.io.redis.ground import region_tag
from scheduler.io.redis.store import RedisStore
from scheduler.policy import SchedulerPolicy
from scheduler.values import Claimed, Done, End, EndRecord, Event, Outcome, Refused, Usage
from tests.redis_server import RedisServer
from tests.scheduler.builders import NEAR, a_request, a_worker
from tests.scheduler.io.redis.opening import claimed, registered, stores

MANY = 12


async def started(store: RedisStore, many: int = MANY) -> list[Claimed]:
    """So many sessions, confirmed in one call."""
    await store.join(NEAR, "ws://near")
    await registered(store, a_worker(slots=100))
    await store.acknowledge("one", await read(store, 100))  # that the worker joined
    claims = [await claimed(store, a_request(now=store.now())) for _ in range(many)]
    assert {Done()} == set(await asyncio.gather(*(store.confirm(one.session, one.fence) for one in claims)))
    assert await entries(store) == 1
    return claims


async def entries(store: RedisStore) -> int:
    many: int = await store._ground.command(region_tag("eu"), "XLEN", ":events")
    return many


async def read(store: RedisStore, limit: int) -> list[Event]:
    return await store.events("one", limit, 0)


async def test_no_more_are_read_than_were_asked_for_and_the_rest_comes_next(server: RedisServer) -> None:
    async with stores(server, 1) as (store,):
        claims = await started(store)

        first = await read(store, 5)
        await store.acknowledge("one", first)
        others = await read(store, 100)

        assert [claim.session for claim in claims] == [event.session for event in [*first, *others]]
        assert len(first) == 5
        assert all(event.type == "session.started" and event.data["region"] == "eu" for event in others)


async def test_an_entry_stays_until_the_last_of_it_is_acknowledged(server: RedisServer) -> None:
    async with stores(server, 1) as (store,):
        await started(store)
        events = await read(store, 100)

        await store.acknowledge("one", events[:-1])
        left = await entries(store)
        await store.acknowledge("one", events[-1:])

        assert left == 1
        assert await entries(store) == 0
        assert await read(store, 100) == []


async def test_who_begins_anew_gets_all_of_an_entry_that_is_still_there(server: RedisServer) -> None:
    async with stores(server, 2) as (store, later):
        await started(store)
        events = await read(store, 100)
        await store.acknowledge("one", events[:3])

        again = await read(later, 100)
        await later.acknowledge("one", again)

        assert again == events
        assert await entries(store) == 0


async def test_what_could_not_be_acknowledged_comes_again(server: RedisServer) -> None:
    async with stores(server, 1) as (store,):
        await started(store)
        events = await read(store, 100)
        server.call("ACL", "SETUSER", "default", "-xack")

        with pytest.raises(StoreFailed):
            await store.acknowledge("one", events)
        server.call("ACL", "SETUSER", "default", "+xack")
        again = await read(store, 100)
        await store.acknowledge("one", again)

        assert again == events
        assert await entries(store) == 0


async def test_entries_of_which_too_many_are_open_come_again_until_all_are_dealt_with(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.io.redis.events.MOST_OPEN", 1)
    async with stores(server, 1) as (store,):
        claims = await started(store)
        await asyncio.gather(*(store.suspend(one.session, one.fence, Usage(), is_worker_lost=False) for one in claims))

        said = set()
        for _ in range(2):
            events = await read(store, 100)
            said |= {(event.session, event.type) for event in events}
            await store.acknowledge("one", events)

        assert len(said) == 2 * MANY
        assert await entries(store) == 0
        assert len(store._events._open) <= 1


async def test_more_are_acknowledged_than_one_step_takes(server: RedisServer) -> None:
    async with stores(server, 1) as (store,):
        await store.join(NEAR, "ws://near")
        await registered(store, a_worker())
        [joined] = await read(store, 1)
        key = store._shards.key(region_tag("eu"), ":events")
        [[_, fields]] = await store._shards.command("fleet", "XRANGE", key, "-", "+")
        await asyncio.gather(*(store._shards.command("fleet", "XADD", key, "*", *fields) for _ in range(8100)))

        events = await read(store, 100_000)
        await store.acknowledge("one", events)

        assert len(events) == 8101
        assert {event.type for event in events} == {joined.type}
        assert await entries(store) == 0


async def test_the_bound_counts_events_and_not_entries(server: RedisServer) -> None:
    async with stores(server, 1, SchedulerPolicy(events=MANY)) as (store,):
        await started(store)

        full = await store.claim(a_request(now=store.now()))
        await store.acknowledge("one", await read(store, 100))

        assert isinstance(full, Refused)
        assert full.code is Code.STORE_UNAVAILABLE
        assert isinstance(await store.claim(a_request(now=store.now())), Claimed)


async def test_the_record_of_an_end_is_kept_by_the_servers_clock(server: RedisServer) -> None:
    async with stores(server, 1) as (store,):
        one = await ended(store)

        found = await store.session(one.session)

        assert isinstance(found, EndRecord)
        keys = await store._shards.command("fleet", "KEYS", "*:r:*")
        assert [await store._shards.command("fleet", "TTL", key) for key in keys] == [120]


async def ended(store: RedisStore) -> Claimed:
    """One that has ended."""
    await store.join(NEAR, "ws://near")
    await registered(store, a_worker())
    one = await claimed(store, a_request(now=store.now()))
    await store.confirm(one.session, one.fence)
    await store.end(End(one.session, Outcome.COMPLETED, None, "TEST", "client", one.fence))
    return one
