"""On a cluster a step touches two shards: what is left when a process dies between them, and who puts it right."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic

import msgpack
import pytest

from moorage.errors import Code
from scheduler.io.redis.client.failures import StoreFailed
from scheduler.io.redis.ground import FLEET, region_tag
from scheduler.io.redis.message import unpack
from scheduler.io.redis.store import RedisStore
from scheduler.io.redis.words import request_word, wish_word
from scheduler.policy import SchedulerPolicy
from scheduler.store import Unavailable
from scheduler.values import Beaten, Claimed, Concurrency, Done, End, Ended, Heartbeat, Outcome, Refused, Usage
from tests.redis_server import RedisServer
from tests.scheduler.builders import NEAR, a_request, a_worker
from tests.scheduler.io.redis.opening import claimed, registered, stores

ONE_OF_A_USER = Concurrency(per_user=1)
REPAIRED_WITHIN = 20.0


async def until(condition: Callable[[], Awaitable[bool]], store: RedisStore) -> None:
    """Sweeps until it holds."""
    deadline = monotonic() + REPAIRED_WITHIN
    while not await condition():
        assert monotonic() < deadline, "the sweep did not put it right"
        await store.sweep()
        await asyncio.sleep(0.05)


async def takes_one_more(store: RedisStore) -> bool:
    """Whether the user of these tests is below the limit."""
    return isinstance(await store.claim(a_request(limits=ONE_OF_A_USER, now=store.now())), Claimed)


async def end_and_die(store: RedisStore, claim: Claimed) -> None:
    """The region's part of an end; its fleet's shard never hears."""
    wish = wish_word(End(claim.session, Outcome.COMPLETED, None, "TEST", "client", claim.fence))
    ground = store._ground
    await ground.shards.run(ground._script("end"), region_tag("eu"), b"", "", msgpack.packb(wish, use_bin_type=False))


async def test_an_end_that_the_fleet_did_not_hear_of_is_told_to_it_by_the_next_sweep(server: RedisServer) -> None:
    async with stores(server, 2, is_split=True) as (dying, other):
        await dying.join(NEAR, "ws://near")
        await registered(dying, a_worker())
        claim = await claimed(dying, a_request(limits=ONE_OF_A_USER, now=dying.now()))
        await dying.confirm(claim.session, claim.fence)

        await end_and_die(dying, claim)

        back = await other.claim(a_request(claim.session, now=other.now()))
        assert isinstance(back, Refused)
        assert back.code is Code.SESSION_ENDED
        await until(partial(takes_one_more, other), other)
        ground = other._ground
        assert await ground.command(FLEET, "HEXISTS", ":s", claim.session) == 0
        assert await ground.command(FLEET, "ZSCORE", ":dead", claim.session) is not None
        assert await ground.command(region_tag("eu"), "HLEN", ":left") == 0
        late = await other.end(End(claim.session, Outcome.FAILED, None, "LATE", "api"))
        assert isinstance(late, Ended)
        assert (late.is_first, late.record.reason) == (False, "TEST")


async def test_a_session_whose_end_the_fleet_did_not_hear_of_counts_until_the_sweep(server: RedisServer) -> None:
    async with stores(server, 2, is_split=True) as (dying, other):
        await dying.join(NEAR, "ws://near")
        await registered(dying, a_worker())
        claim = await claimed(dying, a_request(limits=ONE_OF_A_USER, now=dying.now()))
        await dying.confirm(claim.session, claim.fence)

        await end_and_die(dying, claim)

        over = await other.claim(a_request(limits=ONE_OF_A_USER, now=other.now()))
        assert isinstance(over, Refused)
        assert over.code is Code.SESSION_LIMIT_EXCEEDED
        await until(partial(takes_one_more, other), other)


async def test_an_end_that_is_told_twice_to_the_fleet_counts_once(server: RedisServer) -> None:
    async with stores(server, 2, is_split=True) as (dying, other):
        await dying.join(NEAR, "ws://near")
        await registered(dying, a_worker())
        claim = await claimed(dying, a_request(now=dying.now()))
        live = await claimed(dying, a_request(now=dying.now()))
        await end_and_die(dying, claim)
        raw = await other._ground.command(region_tag("eu"), "HGET", ":left", claim.session)
        gone = unpack(raw)
        await other._ground.run("depart", FLEET, [gone])

        async def is_heard() -> bool:
            return bool(await other._ground.command(region_tag("eu"), "HLEN", ":left") == 0)

        await until(is_heard, other)

        assert [view.session for view in await other.sessions()] == [live.session]
        over = await other.claim(a_request(limits=Concurrency(per_user=2), now=other.now()))
        assert isinstance(over, Claimed)


async def test_a_claim_that_died_between_the_fleet_and_its_region_is_taken_back(server: RedisServer) -> None:
    policy = SchedulerPolicy(reservation=0.5)
    async with stores(server, 2, policy, policy, is_split=True) as (dying, other):
        await dying.join(NEAR, "ws://near")
        await registered(dying, a_worker())
        live = await claimed(other, a_request(user="usr_two", now=other.now()))
        await other.confirm(live.session, live.fence)
        request = a_request(limits=ONE_OF_A_USER, now=dying.now())

        await dying._ground.run("enter", FLEET, request_word(request, "eu", waits=False))

        assert not await takes_one_more(other)
        await until(partial(takes_one_more, other), other)
        assert await other._ground.command(FLEET, "HEXISTS", ":s", request.session) == 0
        assert await other._ground.command(FLEET, "HEXISTS", ":s", live.session) == 1


async def test_a_claim_that_died_there_may_be_asked_for_again(server: RedisServer) -> None:
    async with stores(server, 2, is_split=True) as (dying, other):
        await dying.join(NEAR, "ws://near")
        await registered(dying, a_worker())
        request = a_request(limits=ONE_OF_A_USER, now=dying.now())
        await dying._ground.run("enter", FLEET, request_word(request, "eu", waits=False))

        again = await other.claim(request)

        assert isinstance(again, Claimed)
        assert await other.confirm(again.session, again.fence) == Done()


async def test_a_full_server_still_takes_all_that_frees(server: RedisServer) -> None:
    async with stores(server, 1) as [store]:
        await store.join(NEAR, "ws://near")
        worker = await registered(store, a_worker())
        claims = [await claimed(store, a_request(now=store.now())) for _ in range(3)]
        for claim in claims[:2]:
            await store.confirm(claim.session, claim.fence)
        server.configure("maxmemory", "1")

        with pytest.raises(Unavailable, match="memory") as full:
            await store.claim(a_request(now=store.now()))

        assert isinstance(full.value, StoreFailed)
        assert full.value.kind == "oom"
        assert await store.release(claims[2].session, claims[2].fence) == Done()
        for lost in claims[:1]:
            assert await store.suspend(lost.session, lost.fence, Usage(1, 1, 1, 1), is_worker_lost=False) == Done()
        end = End(claims[1].session, Outcome.COMPLETED, None, "TEST", "client", claims[1].fence)
        assert isinstance(await store.end(end), Ended)
        assert isinstance(await store.heartbeat(Heartbeat(worker.worker, 1, 1)), Beaten)
        assert await store.renew(NEAR)
        await store.sweep()
        server.configure("maxmemory", "0")
        assert (await store.workers())[0].used == 1
        await claimed(store, a_request(now=store.now()))
