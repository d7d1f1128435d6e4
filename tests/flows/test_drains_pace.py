"""Drains keep to their pace, and wait where there is nowhere to go."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from scheduler.io import drainer as drainer_module
from scheduler.io.drainer import Drainer
from scheduler.io.drainorders import begin
from scheduler.values import DrainKind, DrainState
from tests.flows.drainage import (
    FAST,
    Talker,
    a_plan,
    all_heard,
    draining,
    eventually,
    plan_is,
    talkers,
    told_apart,
    view,
)
from tests.flows.places import ON_REDIS_SLOWLY
from tests.flows.system import MakeSystem
from tests.flows.test_sdk import linked


@ON_REDIS_SLOWLY
async def test_a_pool_with_no_other_place_keeps_its_sessions_until_there_is_one(a_system: MakeSystem) -> None:
    async with (
        a_system(scheduler=FAST) as system,
        draining(system.store),
        linked(system, slots=5) as only,
        contextlib.AsyncExitStack() as later,
        talkers(system, 4) as found,
    ):
        plan = a_plan(system, DrainKind.POOL, region="here", pool="default")
        await begin(system.store, plan)
        await plan_is(system, plan, DrainState.MOVING)
        await asyncio.sleep(4 * drainer_module.EVERY)
        stays = [talker.ws.attaches for talker in found]
        cut = next(iter(system.gateway._attachments))
        assert cut.relay is not None
        cut.relay.abort()  # it has no other slot to return to than its own
        assert await eventually(lambda: attached_again(found, 1))
        returned = await view(system, only.worker_id)

        await later.enter_async_context(linked(system, slots=5, pool="other"))
        ended = await plan_is(system, plan, DrainState.DONE)
        emptied = await view(system, only.worker_id)

    assert stays == [1] * 4
    assert returned.held == 4
    assert (emptied.used, ended.sessions_left, ended.sessions_told) == (0, 0, 4)


async def attached_again(found: list[Talker], count: int) -> bool:
    return sum(talker.ws.attaches > 1 for talker in found) == count and await all_heard(found)


@ON_REDIS_SLOWLY
async def test_two_drains_at_once_keep_to_one_rate(a_system: MakeSystem) -> None:
    async with a_system(scheduler=FAST) as system, draining(system.store), contextlib.AsyncExitStack() as stack:
        busy = [await stack.enter_async_context(linked(system, slots=30, pool=f"p{number}")) for number in range(2)]
        later = await stack.enter_async_context(contextlib.AsyncExitStack())
        for number in range(2):
            await stack.enter_async_context(talkers(system, 20, number * 20, pools=(f"p{number}", "free")))
        await later.enter_async_context(linked(system, slots=60, pool="free"))
        plans = []
        for worker in busy:
            plan = a_plan(system, DrainKind.WORKER, 1000.0, worker=worker.worker_id)
            plans.append(plan)
            await begin(system.store, plan)
        started = asyncio.get_running_loop().time()

        told: list[tuple[int, int]] = []
        while sum(told[-1] if told else (0, 0)) < 40:
            now = {plan.id: plan.sessions_told for plan in await system.store.drains()}
            told.append((now[plans[0].id], now[plans[1].id]))
            await asyncio.sleep(0.05)
        took = asyncio.get_running_loop().time() - started
        for plan in plans:
            await plan_is(system, plan, DrainState.DONE)
        left = [(await view(system, worker.worker_id)).used for worker in busy]

    assert took >= 40 / 20.0 - drainer_module.EVERY - 0.5
    assert (
        max(abs(one - other) for one, other in told) <= 8
    )  # a step after a stall tells five of each, one after the other
    assert left == [0, 0]


@ON_REDIS_SLOWLY
async def test_another_drainer_takes_over_at_the_same_pace(
    a_system: MakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drainer_module, "LEAD_SECONDS", 1.0)
    async with (
        a_system(scheduler=FAST) as system,
        linked(system, slots=30) as one,
        linked(system, slots=30) as other,
        talkers(system, 20),
    ):
        busy, _ = await told_apart(system, one, other)
        doomed = Drainer(system.store, FAST)
        await doomed.step()  # it has the role, and dies without giving it back
        plan = a_plan(system, DrainKind.WORKER, 10.0, worker=busy)
        await begin(system.store, plan)
        started = asyncio.get_running_loop().time()

        async with draining(system.store):
            ended = await plan_is(system, plan, DrainState.DONE)
        took = asyncio.get_running_loop().time() - started

    assert ended.sessions_told == 20
    assert took >= 20 / 10.0 - 0.5
