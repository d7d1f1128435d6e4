"""Emptying a worker: nothing new at once, and from the deadline on whoever attaches goes elsewhere, if there is room."""

from __future__ import annotations

import pytest

from moorage.errors import Code
from scheduler.values import (
    CloseSession,
    Done,
    Drain,
    Notice,
    Order,
    Queued,
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


async def test_a_session_that_was_told_goes_elsewhere_and_counts_as_moved(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    other = await world.worker(a_worker())
    await world.store.drain(joined.worker, Drain(world.now, 10.0))
    await world.store.move_away(joined.worker, 10)
    [notice] = told(await world.heard(NEAR))
    await world.store.suspend(notice.session, notice.fence, Usage(), is_worker_lost=False)

    again = await world.attach(held.session)

    assert again.worker == other.worker
    progress = (await world.view(joined.worker)).drain
    assert progress is not None
    assert (progress.sessions_at_start, progress.sessions_left, progress.sessions_moved) == (1, 0, 1)
    assert await world.store.retire(joined.worker) == Done()


async def test_a_session_that_comes_back_before_the_gateway_reported_goes_elsewhere_too(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    other = await world.worker(a_worker())
    await world.store.drain(joined.worker, Drain(world.now, 10.0))

    again = await world.attach(held.session)

    assert (again.worker, again.is_resumed) == (other.worker, True)


@pytest.mark.parametrize("wait_seconds", [0.0, 30.0])
async def test_a_session_with_nowhere_to_go_gets_its_own_slot_again(world: World, wait_seconds: float) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    await world.store.drain(joined.worker, Drain(world.now, 10.0))
    await world.advance(1)
    await world.store.suspend(held.session, held.fence, Usage(), is_worker_lost=False)

    again = await world.held(a_request(held.session, wait_seconds=wait_seconds, now=world.now))

    assert (again.worker, again.is_resumed) == (joined.worker, True)
    view = await world.view(joined.worker)
    assert (view.state, view.held, view.suspended) == (WorkerState.DRAINING, 1, 0)


async def test_who_waits_in_the_queue_gets_no_slot_that_a_drained_session_left(world: World) -> None:
    joined = await world.worker(a_worker(slots=1))
    held = await world.attach()
    waits = await world.store.claim(a_request(wait_seconds=30.0, now=world.now))
    await world.store.drain(joined.worker, Drain(world.now, 10.0))

    await world.end(held.session)

    assert isinstance(waits, Queued)
    assert await world.store.sessions() == []


async def test_a_session_returns_to_its_worker_before_the_deadline(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    await world.worker(a_worker())
    await world.store.drain(joined.worker, Drain(world.now + 60, 10.0))
    await world.store.suspend(held.session, held.fence, Usage(), is_worker_lost=False)

    again = await world.attach(held.session)

    assert again.worker == joined.worker


async def test_time_alone_tells_nobody(world: World) -> None:
    joined = await world.worker(a_worker())
    await world.attach()
    await world.worker(a_worker())
    await world.store.drain(joined.worker, Drain(world.now, 10.0))

    await world.advance(5)

    assert told(await world.heard(NEAR)) == []


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


async def test_undrain_serves_again(world: World) -> None:
    joined = await world.worker(a_worker())
    await world.attach()
    await world.store.drain(joined.worker, Drain(world.now + 5, 10.0))

    assert await world.store.uncordon(joined.worker) == Done()
    await world.advance(10)

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
    held = await world.attach()
    other = await world.worker(a_worker())
    await world.store.drain(joined.worker, Drain(world.now, 1.0))

    await world.store.drain(joined.worker, Drain(world.now + 600, 2.5))

    drain = (await world.view(joined.worker)).drain
    assert drain is not None
    assert (drain.deadline, drain.rate_per_second) == (world.now + 600, 2.5)
    assert (await world.attach(held.session)).worker == joined.worker != other.worker


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
async def test_a_drain_needs_a_rate(world: World, rate: float) -> None:
    joined = await world.worker(a_worker())

    answer = await world.store.drain(joined.worker, Drain(world.now, rate))

    assert isinstance(answer, Refused)
    assert answer.code is Code.UNPROCESSABLE
    assert (await world.view(joined.worker)).state is WorkerState.SERVING
