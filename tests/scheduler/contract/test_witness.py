"""What workers saw of sessions: attached, detached, ended, or missing from a full list."""

from __future__ import annotations

import pytest

from moorage.errors import Code
from scheduler.values import (
    ClaimState,
    CloseSession,
    Heartbeat,
    Order,
    Outcome,
    SessionOnWorker,
    Usage,
    WorkerEnd,
)
from tests.scheduler.builders import NEAR, a_session, a_worker
from tests.scheduler.world import World


async def test_a_lapsed_gateways_session_is_suspended_when_its_worker_saw_it_go(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    world.renewing.remove(NEAR)
    await world.advance(4)
    await world.beat(held.worker, detached=(SessionOnWorker(held.session, held.fence, False),))

    await world.advance(10.75)
    assert (await world.session(held.session)).state is ClaimState.HELD
    await world.advance(0.25)

    view = await world.session(held.session)
    assert view.state is ClaimState.SUSPENDED
    assert view.held_seconds == pytest.approx(4)


async def test_the_worker_may_see_it_after_the_lease_lapsed(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    world.renewing.remove(NEAR)
    await world.advance(16)

    await world.beat(held.worker, detached=(SessionOnWorker(held.session, held.fence, False),))

    assert (await world.session(held.session)).state is ClaimState.SUSPENDED


async def test_a_worker_that_saw_the_client_come_back_takes_its_word_back(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    await world.beat(held.worker, detached=(SessionOnWorker(held.session, held.fence, False),))
    await world.beat(held.worker, attached=(SessionOnWorker(held.session, held.fence, True),))
    world.renewing.remove(NEAR)

    await world.advance(16)

    assert (await world.session(held.session)).state is ClaimState.HELD


async def test_a_detached_report_of_an_older_attach_means_nothing(world: World) -> None:
    await world.worker(a_worker())
    old = await world.attach(gateway=NEAR)
    await world.attach(old.session, gateway=NEAR)
    world.renewing.remove(NEAR)
    await world.beat(old.worker, detached=(SessionOnWorker(old.session, old.fence, False),))

    await world.advance(16)

    assert (await world.session(old.session)).state is ClaimState.HELD


async def test_a_live_gateway_knows_better_than_the_worker(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach()

    await world.beat(held.worker, detached=(SessionOnWorker(held.session, held.fence, False),))
    await world.advance(20)

    assert (await world.session(held.session)).state is ClaimState.HELD


async def test_a_worker_ends_its_session_and_the_client_is_closed(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    await world.store.checkpoint(held.session, held.fence, Usage(1, 1, 1, 1))

    await world.beat(held.worker, ended=(WorkerEnd(held.session, held.fence, Outcome.FAILED, "CRASHED"),))

    record = await world.record(held.session)
    assert (record.outcome, record.reason, record.by) == (Outcome.FAILED, "CRASHED", "worker")
    assert record.usage == Usage(1, 1, 1, 1)
    assert await world.heard(NEAR) == [CloseSession(held.session, held.fence, Code.SESSION_ENDED)]
    assert await world.orders(joined.worker) == []


async def test_a_worker_cannot_end_what_it_does_not_have_or_an_attach_it_no_longer_has(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    newer = await world.attach(held.session)
    liar = await world.worker(a_worker(slots=1))

    await world.beat(liar.worker, ended=(WorkerEnd(held.session, newer.fence, Outcome.FAILED),))
    await world.beat(held.worker, ended=(WorkerEnd(held.session, held.fence, Outcome.FAILED),))
    await world.beat(held.worker, ended=(WorkerEnd(a_session(), held.fence, Outcome.FAILED),))

    assert (await world.session(held.session)).state is ClaimState.HELD


async def test_a_repeated_heartbeat_is_heard_once(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    beat = Heartbeat(held.worker, 5, 0, ended=(WorkerEnd(held.session, held.fence, Outcome.COMPLETED),))

    await world.store.heartbeat(beat)
    await world.store.heartbeat(beat)

    assert (await world.event_types(held.session)).count("session.ended") == 1


async def test_what_a_worker_has_and_should_not_it_is_told_to_end(world: World) -> None:
    joined = await world.worker(a_worker())
    stranger = SessionOnWorker(a_session(), 3, True)

    await world.beat(joined.worker, attached=(stranger,))

    [order] = await world.orders(joined.worker)
    assert (order.order, order.session, order.fence) == (Order.END_SESSION, stranger.session, 3)


async def test_a_held_session_missing_from_a_full_list_is_lost(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    await world.advance(5)
    young = await world.attach()

    await world.worker(a_worker(again=joined.worker, claim_key=joined.claim_key))

    assert (await world.session(held.session)).state is ClaimState.SUSPENDED
    assert (await world.session(young.session)).state is ClaimState.HELD
    assert CloseSession(held.session, held.fence, Code.WORKER_LOST) in await world.heard(NEAR)
