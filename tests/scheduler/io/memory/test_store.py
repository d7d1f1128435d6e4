"""What only the memory store promises: its clock, its size, its sweeps' cost, its own sleep."""

from __future__ import annotations

import asyncio
import tracemalloc
from time import process_time

import pytest

from scheduler.io.memory import MemoryStore, steady_clock
from scheduler.io.memory.endings import PORTION
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from scheduler.values import (
    Claimed,
    Directive,
    Order,
    Outcome,
    Refused,
    Revocation,
    Usage,
    Wanted,
    WorkerState,
)
from tests.scheduler.builders import NEAR, a_request, a_worker
from tests.scheduler.world import Clock, World, a_world


def make(clock: Clock, policy: SchedulerPolicy) -> Store:
    return MemoryStore(clock=clock, policy=policy)


def test_the_default_clock_tells_the_time_and_never_steps_back() -> None:
    clock = steady_clock()

    times = [clock() for _ in range(1000)]

    assert times == sorted(times)
    assert MemoryStore().now() == pytest.approx(times[-1], abs=5)


async def fill(world: World, sessions: int, *, expires_in: float = 3600.0) -> list[Claimed]:
    for _ in range(sessions // 100):
        await world.worker(a_worker(slots=100))
    held = []
    for number in range(sessions):
        wanted = Wanted(("eu",), ("gpu",))
        held.append(await world.held(a_request(user=f"usr_{number}", wanted=wanted, expires_in=expires_in)))
        await world.acknowledge_all()
    return held


async def test_a_held_session_takes_at_most_1200_bytes() -> None:
    async with a_world(make) as world:
        await fill(world, 200)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()

        held = await fill(world, 2000)
        fences = len({claimed.fence for claimed in held})
        held.clear()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert fences == 2000
    assert (after - before) / 2000 <= 1200


async def test_a_sweep_with_many_sessions_looks_at_few() -> None:
    async with a_world(make) as world:
        await fill(world, 5000)
        await world.advance(70)
        started = process_time()

        for _ in range(100):
            world.clock.seconds += 0.01
            await world.store.sweep()

        assert (process_time() - started) / 100 < 0.005


async def test_more_than_a_portion_that_end_at_once_all_end() -> None:
    async with a_world(make) as world:
        held = await fill(world, 2 * PORTION + 100, expires_in=30)

        await world.advance(31)

        assert await world.store.sessions() == []
        assert (await world.record(held[-1].session)).outcome is Outcome.EXPIRED


async def test_what_has_come_and_gone_leaves_only_its_tombstone() -> None:
    async with a_world(make) as world:
        await world.worker(a_worker(slots=10))
        for _ in range(50):
            claimed = await world.attach()
            await world.store.suspend(claimed.session, claimed.fence, Usage(), is_worker_lost=False)
            again = await world.attach(claimed.session)
            await world.end(claimed.session, by="client", fence=again.fence)
        fleet = world.store._fleet  # type: ignore[attr-defined]

        assert (len(fleet.sessions), len(fleet.alarms), len(fleet.limits), len(fleet.granted)) == (0, 0, 0, 0)
        assert len(fleet.tombstones) == 50
        await world.advance(3700)
        assert len(fleet.tombstones) == 0


async def test_time_in_which_the_process_slept_is_nobodys_silence() -> None:
    async with a_world(make) as world:
        joined = await world.worker(a_worker())
        held = await world.attach()
        await world.advance(1)

        world.clock.seconds += 60
        await world.store.sweep()

        assert (await world.view(joined.worker)).state is WorkerState.SERVING
        assert (await world.session(held.session)).worker == joined.worker
        assert NEAR in await world.store.nodes()


async def test_orders_that_nobody_fetches_become_one_to_register_again() -> None:
    async with a_world(make, SchedulerPolicy(directives_per_worker=3)) as world:
        joined = await world.worker(a_worker())
        for _ in range(4):
            await world.store.cordon(joined.worker)

        orders = await world.orders(joined.worker)

    assert [order.order for order in orders] == [Order.REGISTER]
    assert isinstance(orders[0], Directive)


async def test_a_revocation_of_many_lets_others_in_between_and_none_of_them_slips_through() -> None:
    store = MemoryStore()
    await store.register(a_worker(slots=3 * PORTION))
    for _ in range(2 * PORTION + 1):
        await store.claim(a_request(now=store.now()))
    late: list[object] = []

    async def beside() -> None:
        for _ in range(4):
            late.append(await store.claim(a_request(now=store.now())))
            await asyncio.sleep(0)

    beside_it = asyncio.create_task(beside())
    ended = await store.revoke(Revocation("user", "usr_one", store.now() + 100, store.now() + 100))
    await beside_it

    assert ended == 2 * PORTION + 1
    assert all(isinstance(answer, Refused) for answer in late)
    assert await store.sessions() == []
