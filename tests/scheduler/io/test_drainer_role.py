"""One drainer works at a time, whatever becomes of it and of the store."""

from __future__ import annotations

import asyncio

import pytest

from scheduler.io import drainer as drainer_module
from scheduler.io.drainer import LEAD_SECONDS, Drainer
from scheduler.io.drainorders import begin
from scheduler.store import Unavailable
from tests.scheduler.builders import a_worker
from tests.scheduler.io.drainage import POLICY, busy, of_worker, plan_of, told, work, world
from tests.scheduler.world import World

__all__ = ["world"]


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
