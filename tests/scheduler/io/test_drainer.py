"""The drainer over each store, with a clock that only the tests move; drains ordered and called off."""

from __future__ import annotations

import pytest

from scheduler.io.drainer import Drainer
from scheduler.io.drainorders import begin, cancel
from scheduler.values import (
    CloseSession,
    DrainKind,
    DrainState,
    Usage,
    WorkerState,
)
from tests.scheduler.builders import FAR, NEAR, a_plan, a_worker
from tests.scheduler.io.drainage import POLICY, busy, of_worker, plan_of, told, work, world
from tests.scheduler.world import World

__all__ = ["world"]


async def leave_and_return(world: World, notices: list[CloseSession]) -> None:
    """What clients do that were told."""
    for notice in notices:
        await world.store.suspend(notice.session, notice.fence, Usage(), is_worker_lost=False)
        await world.attach(notice.session, gateway=FAR)


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


async def test_what_is_told_is_counted(world: World) -> None:
    worker = await busy(world, 3)
    await world.worker(a_worker())
    await begin(world.store, of_worker(world, worker))
    counts: list[int] = []
    drainer = Drainer(world.store, POLICY, counts.append)

    await work(world, 2.0, drainer)

    assert sum(counts) == 3
