"""Several processes on one server: what one does, the others find, hear and do not do again."""

from __future__ import annotations

import asyncio
import time
from time import monotonic

import pytest

from scheduler.policy import SchedulerPolicy
from scheduler.values import (
    Claimed,
    Direct,
    Directive,
    Done,
    End,
    Ended,
    Granted,
    Order,
    Outcome,
    Queued,
    Refused,
    Usage,
    Wanted,
)
from tests.owntime import within
from tests.redis_server import RedisServer
from tests.scheduler.builders import FAR, NEAR, a_request, a_session, a_worker
from tests.scheduler.io.redis.opening import claimed, registered, stores
from tests.scheduler.told import told

A_SECOND = 1.0


def an_end(claim: Claimed) -> End:
    """By the attach itself."""
    return End(claim.session, Outcome.COMPLETED, None, "TEST", "client", claim.fence)


async def test_a_region_that_another_process_brings_takes_claims_here_within_a_second(server: RedisServer) -> None:
    async with stores(server, 2) as (one, other):
        await one.join(NEAR, "ws://near")
        await other.join(FAR, "ws://far")
        assert isinstance(await other.claim(a_request(now=other.now())), Refused)
        await registered(one, a_worker(region="moon"))

        await within(
            A_SECOND, claimed(other, a_request(gateway=FAR, wanted=Wanted(regions=("moon",)), now=other.now()))
        )


async def test_an_order_reaches_the_link_at_a_gateway_of_another_process(server: RedisServer) -> None:
    async with stores(server, 2) as (one, other):
        await one.join(NEAR, "ws://near")
        notices = one.watch(NEAR)
        worker = await registered(one, a_worker(gateway=NEAR))
        order = Directive(Order.ATTACH, a_session(), gateway="ws://far", ticket="once")

        assert await other.direct(worker.worker, order)

        assert Direct(worker.worker, order) in await told(one, NEAR, notices)


async def test_a_waiter_of_one_process_is_granted_the_slot_that_another_one_frees(server: RedisServer) -> None:
    async with stores(server, 2) as (one, other):
        for store, gateway in ((one, NEAR), (other, FAR)):
            await store.join(gateway, f"ws://{gateway}")
        await registered(one, a_worker(slots=1))
        first = await claimed(one, a_request(gateway=NEAR, now=one.now()))
        notices = other.watch(FAR)
        request = a_request(gateway=FAR, wait_seconds=10.0, now=other.now())
        assert isinstance(await other.claim(request), Queued)

        assert isinstance(await one.end(an_end(first)), Ended)

        [granted] = [notice for notice in await told(other, FAR, notices) if isinstance(notice, Granted)]
        assert granted.request == request.request
        assert await other.confirm(request.session, granted.claimed.fence) == Done()


async def test_three_processes_that_sweep_at_once_end_each_session_once(server: RedisServer) -> None:
    policy = SchedulerPolicy(reservation=0.3)
    async with stores(server, 3, policy, policy, policy) as three:
        one = three[0]
        await one.join(NEAR, "ws://near")
        await registered(one, a_worker(slots=40))
        for _ in range(30):
            claim = await claimed(one, a_request(resume_seconds=0.1, now=one.now()))
            await one.confirm(claim.session, claim.fence)
            await one.suspend(claim.session, claim.fence, Usage(1, 1, 1, 1), is_worker_lost=False)
        deadline = monotonic() + 5.0
        while await one.sessions() and monotonic() < deadline:
            await asyncio.gather(*(store.sweep() for store in three for _ in range(3)))

        ends = [event for event in await one.events("test", 1000, 0) if event.type == "session.ended"]

        assert len(ends) == len({event.session for event in ends}) == 30


async def test_a_process_whose_clock_is_an_hour_off_counts_the_servers_time(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 3600.0)
    async with stores(server, 2) as (one, other):
        await one.join(NEAR, "ws://near")
        await registered(one, a_worker())

        claim = await claimed(one, a_request(now=one.now()))
        await one.sweep()
        await other.sweep()

        assert abs(one.now() - right()) < 1.0
        assert abs(claim.reserved_until - SchedulerPolicy().reservation - right()) < 1.0
        assert await one.confirm(claim.session, claim.fence) == Done()


async def test_processes_of_another_policy_work_beside_on_a_library_of_their_own(server: RedisServer) -> None:
    async with stores(server, 2, SchedulerPolicy(), SchedulerPolicy(reservation=3.0)) as (one, other):
        await one.join(NEAR, "ws://near")
        await registered(one, a_worker())
        mine = await claimed(one, a_request(now=one.now()))

        theirs = await claimed(other, a_request(now=other.now()))

        assert theirs.worker == mine.worker
        assert theirs.reserved_until < mine.reserved_until
        assert isinstance(await other.end(an_end(mine)), Ended)
        listed = str(server.call("FUNCTION", "LIST"))
        assert listed.count("moorage_") >= 2


async def test_functions_that_vanish_in_the_middle_are_loaded_again(server: RedisServer) -> None:
    async with stores(server, 2) as (one, other):
        await one.join(NEAR, "ws://near")
        await registered(one, a_worker(slots=50))
        claims = []
        for number in range(20):
            if number % 5 == 0:
                server.call("FUNCTION", "FLUSH")
            claims.append(await claimed((one, other)[number % 2], a_request(now=one.now())))

        server.call("FUNCTION", "FLUSH")
        answers = await asyncio.gather(*(other.end(an_end(claim)) for claim in claims))

        assert all(isinstance(answer, Ended) and answer.is_first for answer in answers)
        [worker] = await one.workers()
        assert worker.used == 0
