"""The drainer over each store, with a clock that only the tests move; drains ordered and called off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from moorage.errors import Code
from moorage.ids import GatewayId, WorkerId
from scheduler.drainplans import NoSuchChange
from scheduler.io import drainer as drainer_module
from scheduler.io.drainer import LEAD_SECONDS, Drainer
from scheduler.io.drainorders import begin, cancel
from scheduler.policy import SchedulerPolicy
from scheduler.store import Unavailable
from scheduler.values import (
    CloseSession,
    Drain,
    DrainKind,
    DrainPlan,
    DrainState,
    Usage,
    WorkerState,
    WorkerView,
)
from tests.scheduler.builders import FAR, NEAR, a_plan, a_worker
from tests.scheduler.world import STEP, Make, World, a_world

POLICY = SchedulerPolicy(drain_rate_per_second=40.0, drain_kept_seconds=20.0)


@pytest.fixture
async def world(make: Make) -> AsyncIterator[World]:
    async with a_world(make, POLICY) as made:
        yield made


async def work(world: World, seconds: float, *drainers: Drainer) -> None:
    """Time passes while these are at it."""
    for _ in range(round(seconds / STEP)):
        await world.advance(STEP)
        for drainer in drainers:
            await drainer.step()


async def busy(world: World, sessions: int, **said: Any) -> WorkerId:
    """A worker with so many sessions."""
    joined = await world.worker(a_worker(slots=sessions, **said))
    for _ in range(sessions):
        await world.attach()
    return joined.worker


async def told(world: World, gateway: GatewayId = NEAR) -> list[CloseSession]:
    notices = await world.heard(gateway)
    return [notice for notice in notices if isinstance(notice, CloseSession) and notice.code is Code.DRAINING]


async def leave_and_return(world: World, notices: list[CloseSession]) -> None:
    """What clients do that were told."""
    for notice in notices:
        await world.store.suspend(notice.session, notice.fence, Usage(), is_worker_lost=False)
        await world.attach(notice.session, gateway=FAR)


async def plan_of(world: World, plan: DrainPlan) -> DrainPlan:
    [found] = [found for found in await world.store.drains() if found.id == plan.id]
    return found


def of_worker(world: World, worker: WorkerId, *, deadline: float = 0.0, rate: float = 8.0) -> DrainPlan:
    return a_plan(
        kind=DrainKind.WORKER,
        worker=worker,
        deadline=world.now + deadline,
        rate_per_second=rate,
        started_at=world.now,
    )


async def test_a_busy_worker_is_emptied_at_the_rate_and_the_plan_says_how_far_it_is(world: World) -> None:
    worker = await busy(world, 20)
    await world.worker(a_worker(slots=30))
    plan = of_worker(world, worker, deadline=2.0)
    await begin(world.store, plan)
    drainer = Drainer(world.store, POLICY)

    await work(world, 1.5, drainer)
    waits, early = await plan_of(world, plan), await told(world)
    counts = []
    for _ in range(3):
        await work(world, 1.0, drainer)
        notices = await told(world)
        counts.append(len(notices))
        await leave_and_return(world, notices)
    moves = await plan_of(world, plan)
    await work(world, 1.0, drainer)
    ended = await plan_of(world, plan)

    assert (waits.state, waits.sessions_left, early) == (DrainState.WAITING, 20, [])
    assert moves.state is DrainState.MOVING
    assert max(counts) <= 9
    assert sum(counts) == 20
    assert (ended.state, ended.sessions_left, ended.sessions_told) == (DrainState.DONE, 0, 20)
    assert ended.ended_at is not None
    assert (await world.view(worker)).state is WorkerState.DRAINING


async def test_several_drains_respect_the_rate_of_all_and_share_it(world: World) -> None:
    workers = [await busy(world, 200) for _ in range(4)]
    for _ in workers:
        await world.worker(a_worker(slots=200))
    for worker in workers:
        await begin(world.store, of_worker(world, worker, rate=1000.0))
    drainer = Drainer(world.store, POLICY)

    await work(world, 5.0, drainer)

    shares = [plan.sessions_told for plan in await world.store.drains()]
    assert len(await told(world)) == sum(shares) == pytest.approx(5 * 40, abs=21)
    assert max(shares) - min(shares) <= 1


async def test_a_pool_is_drained_with_what_joins_later_until_that_is_cancelled(world: World) -> None:
    first = await busy(world, 2)
    plan = a_plan(deadline=world.now, started_at=world.now)
    await begin(world.store, plan)
    drainer = Drainer(world.store, POLICY)
    late = await world.worker(a_worker())
    await work(world, 1.0, drainer)
    joined_state = (await world.view(late.worker)).state

    await cancel(world.store, await plan_of(world, plan))

    assert joined_state is WorkerState.DRAINING
    for worker in (first, late.worker):
        assert (await world.view(worker)).state is WorkerState.SERVING
    await work(world, 1.0, drainer)
    assert (await plan_of(world, plan)).ended_at is not None


async def test_a_worker_that_joins_a_drained_pool_with_sessions_is_emptied_too(world: World) -> None:
    await world.worker(a_worker())
    plan = a_plan(deadline=world.now, started_at=world.now)
    await begin(world.store, plan)
    drainer = Drainer(world.store, POLICY)
    await work(world, 1.0, drainer)
    first = await plan_of(world, plan)
    late = await busy(world, 3)
    await world.worker(a_worker(pool="other"))

    await work(world, 4.0, drainer)

    assert first.state is DrainState.DONE
    assert len(await told(world)) == 3
    assert (await world.view(late)).state is WorkerState.DRAINING
    assert (await plan_of(world, plan)).state is DrainState.MOVING


async def test_drains_that_are_over_are_looked_at_seldom(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = a_plan()
    await world.worker(a_worker())
    await begin(world.store, plan)
    await cancel(world.store, plan)
    drainer = Drainer(world.store, POLICY)
    await work(world, 1.0, drainer)
    looks = 0
    workers = world.store.workers

    async def counted() -> list[WorkerView]:
        nonlocal looks
        looks += 1
        return await workers()

    monkeypatch.setattr(world.store, "workers", counted)

    await work(world, 10.0, drainer)

    assert 5 <= looks <= 11


async def test_sessions_with_nowhere_to_go_are_left_in_peace(world: World) -> None:
    worker = await busy(world, 5)
    plan = of_worker(world, worker)
    await begin(world.store, plan)
    drainer = Drainer(world.store, POLICY)

    await work(world, 30.0, drainer)

    stands = await plan_of(world, plan)
    assert await told(world) == []
    assert (stands.state, stands.sessions_left, stands.sessions_told) == (DrainState.MOVING, 5, 0)
    assert (await world.view(worker)).held == 5


async def test_room_that_comes_is_used(world: World) -> None:
    worker = await busy(world, 4)
    plan = of_worker(world, worker)
    await begin(world.store, plan)
    drainer = Drainer(world.store, POLICY)
    await work(world, 2.0, drainer)
    await world.worker(a_worker())

    await work(world, 2.0, drainer)

    assert len(await told(world)) == 4


async def test_a_gateway_is_emptied_and_its_clients_go_to_another(world: World) -> None:
    joined = await world.worker(a_worker())
    for _ in range(4):
        await world.attach(gateway=NEAR)
    plan = a_plan(kind=DrainKind.GATEWAY, gateway=NEAR, deadline=world.now, started_at=world.now)
    await begin(world.store, plan)
    drainer = Drainer(world.store, POLICY)

    await work(world, 1.5, drainer)
    await leave_and_return(world, await told(world))
    await work(world, 1.0, drainer)

    ended = await plan_of(world, plan)
    assert (ended.state, ended.sessions_told) == (DrainState.DONE, 4)
    assert list(await world.store.nodes()) == [FAR]
    assert (await world.view(joined.worker)).held == 4
    await cancel(world.store, ended)
    assert set(await world.store.nodes()) == {NEAR, FAR}


async def test_the_only_gateways_clients_stay(world: World) -> None:
    await world.worker(a_worker())
    await world.attach(gateway=NEAR)
    await world.store.leave(FAR)
    await begin(world.store, a_plan(kind=DrainKind.GATEWAY, gateway=NEAR, deadline=world.now))
    drainer = Drainer(world.store, POLICY)

    await work(world, 5.0, drainer)

    assert await told(world) == []


async def test_a_cancelled_drain_tells_nobody_any_more(world: World) -> None:
    worker = await busy(world, 50)
    await world.worker(a_worker(slots=50))
    plan = of_worker(world, worker, rate=4.0)
    await begin(world.store, plan)
    drainer = Drainer(world.store, POLICY)
    await work(world, 2.0, drainer)
    before = len(await told(world))

    await cancel(world.store, await plan_of(world, plan))
    await work(world, 2.0, drainer)

    assert before == pytest.approx(7, abs=1)
    assert await told(world) == []
    view = await world.view(worker)
    assert (view.state, view.held) == (WorkerState.SERVING, 50)


async def test_a_cancellation_in_the_middle_of_a_step_holds(world: World) -> None:
    """The drainer has read the plan as running when the operator calls it off."""
    worker = await busy(world, 5)
    plan = of_worker(world, worker, deadline=60.0)
    drainer = Drainer(world.store, POLICY)
    await begin(world.store, plan)
    [running] = await world.store.drains()
    await cancel(world.store, running)
    await world.store.drain(worker, Drain(running.deadline, running.rate_per_second))
    await world.store.put_drain(replace(running, sessions_left=5))

    await work(world, 1.0, drainer)

    assert (await plan_of(world, plan)).state is DrainState.CANCELLED
    assert (await world.view(worker)).state is WorkerState.SERVING


async def test_cancelling_what_is_cancelled_is_refused(world: World) -> None:
    plan = a_plan()
    await begin(world.store, plan)
    cancelled = await cancel(world.store, plan)

    with pytest.raises(NoSuchChange):
        await cancel(world.store, cancelled)


# one at a time


async def test_only_one_of_two_drainers_tells(world: World) -> None:
    worker = await busy(world, 100)
    await world.worker(a_worker(slots=100))
    await begin(world.store, of_worker(world, worker, rate=8.0))
    one, two = Drainer(world.store, POLICY), Drainer(world.store, POLICY)

    await work(world, 5.0, one, two)

    assert len(await told(world)) == pytest.approx(40, abs=4)


async def test_another_takes_over_without_telling_more_than_one_would(world: World) -> None:
    worker = await busy(world, 200)
    await world.worker(a_worker(slots=200))
    plan = of_worker(world, worker, rate=8.0)
    await begin(world.store, plan)
    first, second = Drainer(world.store, POLICY), Drainer(world.store, POLICY)

    await work(world, 3.0, first, second)
    before = len(await told(world))
    await work(world, LEAD_SECONDS + 2.0, second)
    after = len(await told(world))
    await work(world, 2.0, first, second)
    both = len(await told(world))

    assert before == pytest.approx(24, abs=4)
    assert after == pytest.approx(16, abs=4)
    assert both == pytest.approx(16, abs=4)
    assert (await plan_of(world, plan)).sessions_told == before + after + both


async def test_a_drainer_that_stops_gives_its_role_back(world: World) -> None:
    drainer = Drainer(world.store, POLICY)
    running = asyncio.create_task(drainer.run())
    async with asyncio.timeout(5):
        while await world.store.lead(drainer_module.ROLE, "probe", 0.0):  # noqa: ASYNC110 - a role has no event
            await asyncio.sleep(0.01)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert await world.store.lead(drainer_module.ROLE, "other", 1.0)


async def test_an_outage_of_the_store_and_a_fault_are_outlived(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drainer_module, "EVERY", 0.01)
    faults: list[Exception] = [Unavailable("away"), RuntimeError("a bug")]
    asked = 0

    class Faulty:
        async def lead(self, *said: object) -> bool:
            nonlocal asked
            asked += 1
            if faults:
                raise faults.pop()
            return await world.store.lead(*said)  # type: ignore[arg-type]

        def __getattr__(self, name: str) -> object:
            return getattr(world.store, name)

    running = asyncio.create_task(Drainer(Faulty(), POLICY).run())  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        while asked < 4:  # noqa: ASYNC110 - counted by the store
            await asyncio.sleep(0.01)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert faults == []


async def test_one_that_was_stopped_for_longer_than_its_role_lasts_tells_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await busy(world, 10)
    await world.worker(a_worker())
    await begin(world.store, of_worker(world, worker))
    drainer = Drainer(world.store, POLICY)
    await work(world, 0.5, drainer)
    already = len(await told(world))
    monkeypatch.setattr(drainer_module, "LEAD_SECONDS", -1.0)

    await work(world, 2.0, drainer)

    assert len(await told(world)) == 0
    assert already <= 4


# keeping and counting


async def test_drains_that_are_over_are_forgotten(world: World) -> None:
    await busy(world, 1)
    plan = a_plan(deadline=world.now + 600)
    await begin(world.store, plan)
    await cancel(world.store, plan)
    drainer = Drainer(world.store, POLICY)

    await work(world, 5.0, drainer)
    kept = len(await world.store.drains())
    await work(world, 20.0, drainer)

    assert (kept, await world.store.drains()) == (1, [])


async def test_what_is_told_is_counted(world: World) -> None:
    worker = await busy(world, 3)
    await world.worker(a_worker())
    await begin(world.store, of_worker(world, worker))
    counts: list[int] = []
    drainer = Drainer(world.store, POLICY, counts.append)

    await work(world, 2.0, drainer)

    assert sum(counts) == 3
