"""Emptying a worker without cutting anyone off before the deadline, and at a rate after it."""

from __future__ import annotations

import pytest

from moorage.errors import Code
from scheduler.values import (
    CloseSession,
    Done,
    Drain,
    Notice,
    Order,
    Refused,
    Usage,
    WorkerState,
)
from tests.scheduler.builders import NEAR, a_request, a_worker
from tests.scheduler.world import World


def told(notices: list[Notice]) -> list[CloseSession]:
    return [notice for notice in notices if isinstance(notice, CloseSession) and notice.code is Code.DRAINING]


async def test_a_draining_worker_keeps_its_sessions_but_gets_no_new_ones(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()

    assert await world.store.drain(joined.worker, Drain(world.now + 60, 10.0)) == Done()
    await world.advance(59)

    view = await world.view(joined.worker)
    assert (view.state, view.held) == (WorkerState.DRAINING, 1)
    assert isinstance(await world.store.claim(a_request(now=world.now)), Refused)
    assert (await world.session(held.session)).worker == joined.worker
    assert told(await world.heard(NEAR)) == []


async def test_the_worker_hears_of_its_drain_with_the_deadline(world: World) -> None:
    joined = await world.worker(a_worker())
    deadline = world.now + 60

    await world.store.drain(joined.worker, Drain(deadline, 10.0))

    [order] = await world.orders(joined.worker)
    assert (order.order, order.deadline) == (Order.DRAIN, deadline)


async def test_from_the_deadline_on_sessions_are_told_at_the_rate_with_spread_retries(world: World) -> None:
    joined = await world.worker(a_worker(slots=20))
    held = {(await world.attach()).session for _ in range(20)}
    await world.store.drain(joined.worker, Drain(world.now + 10, 4.0))

    await world.advance(12)

    notices = told(await world.heard(NEAR))
    assert 8 <= len(notices) <= 9
    assert {notice.session for notice in notices} < held
    retries = [notice.retry_after or 0 for notice in notices]
    assert len(set(retries)) > 1
    assert all(0 < retry < 5 for retry in retries)
    await world.advance(3)
    assert len(told(await world.heard(NEAR))) + len(notices) == 20


async def test_a_session_that_was_told_goes_elsewhere_and_counts_as_moved(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    other = await world.worker(a_worker())
    await world.store.drain(joined.worker, Drain(world.now, 10.0))
    await world.advance(1)
    [notice] = told(await world.heard(NEAR))
    await world.store.suspend(notice.session, notice.fence, Usage(), is_worker_lost=False)

    again = await world.attach(held.session)

    assert again.worker == other.worker
    progress = (await world.view(joined.worker)).drain
    assert progress is not None
    assert (progress.sessions_at_start, progress.sessions_left, progress.sessions_moved) == (1, 0, 1)
    assert await world.store.retire(joined.worker) == Done()


async def test_a_session_that_does_not_leave_is_told_again(world: World) -> None:
    joined = await world.worker(a_worker())
    await world.attach()
    await world.store.drain(joined.worker, Drain(world.now, 10.0))

    await world.advance(11)

    assert len(told(await world.heard(NEAR))) == 2


async def test_progress_can_be_read(world: World) -> None:
    joined = await world.worker(a_worker())
    held = [await world.attach() for _ in range(3)]
    started = world.now
    await world.store.drain(joined.worker, Drain(started + 60, 2.5))
    await world.end(held[0].session)

    progress = (await world.view(joined.worker)).drain

    assert progress is not None
    assert (progress.started_at, progress.deadline, progress.rate_per_second) == (started, started + 60, 2.5)
    assert (progress.sessions_at_start, progress.sessions_left, progress.sessions_moved) == (3, 2, 0)


async def test_undrain_serves_again_and_tells_nobody_to_leave(world: World) -> None:
    joined = await world.worker(a_worker())
    await world.attach()
    await world.store.drain(joined.worker, Drain(world.now + 5, 10.0))

    assert await world.store.uncordon(joined.worker) == Done()
    await world.advance(10)

    assert told(await world.heard(NEAR)) == []
    view = await world.view(joined.worker)
    assert (view.state, view.drain) == (WorkerState.SERVING, None)
    assert (await world.attach()).worker == joined.worker


async def test_a_drain_survives_registering_again(world: World) -> None:
    joined = await world.worker(a_worker())
    await world.store.drain(joined.worker, Drain(world.now + 60, 1.0))
    await world.orders(joined.worker)

    again = await world.worker(a_worker(again=joined.worker, claim_key=joined.claim_key))

    assert again.state is WorkerState.DRAINING
    assert [order.order for order in await world.orders(joined.worker)] == [Order.DRAIN]


async def test_a_second_drain_moves_the_deadline(world: World) -> None:
    joined = await world.worker(a_worker())
    await world.attach()
    await world.store.drain(joined.worker, Drain(world.now + 600, 1.0))

    await world.store.drain(joined.worker, Drain(world.now + 2, 1.0))
    await world.advance(2)

    assert len(told(await world.heard(NEAR))) == 1


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
async def test_a_drain_needs_a_rate(world: World, rate: float) -> None:
    joined = await world.worker(a_worker())

    answer = await world.store.drain(joined.worker, Drain(world.now, rate))

    assert isinstance(answer, Refused)
    assert answer.code is Code.UNPROCESSABLE
    assert (await world.view(joined.worker)).state is WorkerState.SERVING
