"""Workers that get nothing new, and leave: cordoned, retired, removed, forgotten."""

from __future__ import annotations

import pytest

from moorage.errors import Code
from moorage.ids import WorkerId
from scheduler.values import (
    ClaimState,
    Done,
    Drain,
    Heartbeat,
    Order,
    Outcome,
    Refused,
    Registered,
    Usage,
    WorkerLost,
    WorkerState,
)
from tests.scheduler.builders import NEAR, a_request, a_session, a_worker
from tests.scheduler.world import World


async def test_a_cordoned_worker_keeps_its_sessions_and_gets_no_new_ones(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()

    assert await world.store.cordon(joined.worker) == Done()
    assert await world.store.cordon(joined.worker) == Done()

    assert isinstance(await world.store.claim(a_request()), Refused)
    assert (await world.attach(held.session)).worker == joined.worker
    assert (await world.view(joined.worker)).state is WorkerState.CORDONED
    assert await world.store.uncordon(joined.worker) == Done()
    assert (await world.attach()).worker == joined.worker
    orders = [order.order for order in await world.orders(joined.worker)]
    assert orders == [Order.CORDON, Order.CORDON, Order.UNCORDON]


async def test_a_cordon_outlives_suspicion_and_registering_again(world: World) -> None:
    joined = await world.worker(a_worker())
    await world.store.cordon(joined.worker)
    world.silence(joined.worker)
    await world.advance(4)
    assert (await world.view(joined.worker)).state is WorkerState.SUSPECT

    await world.beat(joined.worker)
    assert (await world.view(joined.worker)).state is WorkerState.CORDONED
    await world.advance(6)
    assert (await world.view(joined.worker)).state is WorkerState.LOST
    world.told[joined.worker].clear()
    again = await world.worker(a_worker(again=joined.worker, claim_key=joined.claim_key))

    assert again.state is WorkerState.CORDONED
    assert [order.order for order in await world.orders(joined.worker)] == [Order.CORDON]


async def test_a_worker_is_retired_only_when_it_is_empty_and_for_ever(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()

    busy = await world.store.retire(joined.worker)
    await world.end(held.session, by="worker", fence=held.fence)
    assert await world.store.retire(joined.worker) == Done()

    assert isinstance(busy, Refused)
    assert busy.code is Code.CONFLICT
    assert (await world.view(joined.worker)).state is WorkerState.RETIRED
    assert [order.order for order in await world.orders(joined.worker)] == [Order.SHUTDOWN]
    assert isinstance(await world.store.claim(a_request()), Refused)
    for refused in (
        await world.store.uncordon(joined.worker),
        await world.store.cordon(joined.worker),
        await world.store.ready(joined.worker),
        await world.store.drain(joined.worker, Drain(world.now, 1.0)),
    ):
        assert isinstance(refused, Refused)
        assert refused.code is Code.CONFLICT


@pytest.mark.parametrize("is_suspended", [True, False])
async def test_a_reserved_or_suspended_session_keeps_a_worker_from_retiring(world: World, is_suspended: bool) -> None:
    joined = await world.worker(a_worker())
    claimed = await world.claimed(a_request())
    if is_suspended:
        await world.store.suspend(claimed.session, claimed.fence, Usage(), is_worker_lost=False)

    assert isinstance(await world.store.retire(joined.worker), Refused)


async def test_a_removed_worker_is_forgotten_and_its_sessions_suspended_as_lost(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    world.silence(joined.worker)

    assert await world.store.remove(joined.worker) == Done()

    assert await world.store.worker(joined.worker) is None
    assert await world.heard(NEAR) == [WorkerLost(joined.worker)]
    assert (await world.session(held.session)).state is ClaimState.SUSPENDED
    await world.advance(30)
    assert (await world.record(held.session)).outcome is Outcome.FAILED


async def test_unknown_workers_are_not_found(world: World) -> None:
    nobody = WorkerId("wrk_nobody")
    answers = [
        await world.store.ready(nobody),
        await world.store.cordon(nobody),
        await world.store.uncordon(nobody),
        await world.store.retire(nobody),
        await world.store.remove(nobody),
        await world.store.drain(nobody, Drain(world.now, 1.0)),
        await world.store.heartbeat(Heartbeat(nobody, 1, 0)),
    ]
    await world.store.suspect(nobody, a_session())

    assert [answer.code for answer in answers if isinstance(answer, Refused)] == [Code.WORKER_NOT_FOUND] * 7
    assert await world.store.worker(nobody) is None


async def test_a_lost_worker_is_forgotten_after_ten_minutes_and_may_come_back_as_itself(world: World) -> None:
    joined = await world.worker(a_worker())
    world.silence(joined.worker)

    await world.advance(601)

    assert await world.store.worker(joined.worker) is None
    answer = await world.store.register(a_worker(again=joined.worker, claim_key=joined.claim_key))
    assert isinstance(answer, Registered)
    assert (answer.worker, answer.claim_key) == (joined.worker, joined.claim_key)
