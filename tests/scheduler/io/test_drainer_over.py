"""Drains that are called off, done or forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scheduler.drainplans import NoSuchChange
from scheduler.io.drainer import Drainer
from scheduler.io.drainorders import begin, cancel
from scheduler.values import (
    Drain,
    DrainState,
    WorkerState,
    WorkerView,
)
from tests.scheduler.builders import a_plan, a_worker
from tests.scheduler.io.drainage import POLICY, busy, of_worker, plan_of, told, work, world
from tests.scheduler.world import World

__all__ = ["world"]


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
