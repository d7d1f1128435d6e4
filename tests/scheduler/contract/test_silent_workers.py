"""Workers that fall silent, or that sessions cannot reach: suspected, lost, and healed."""

from __future__ import annotations

from moorage.errors import Code
from scheduler.values import (
    ClaimState,
    Heartbeat,
    Outcome,
    Refused,
    Usage,
    WorkerLost,
    WorkerState,
)
from tests.scheduler.builders import FAR, NEAR, a_request, a_session, a_worker
from tests.scheduler.world import World


async def test_three_seconds_of_silence_make_suspect_and_a_heartbeat_heals(world: World) -> None:
    joined = await world.worker(a_worker())
    world.silence(joined.worker)

    await world.advance(2.75)
    assert (await world.view(joined.worker)).state is WorkerState.SERVING
    await world.advance(0.25)
    assert (await world.view(joined.worker)).state is WorkerState.SUSPECT
    assert isinstance(await world.store.claim(a_request()), Refused)
    await world.beat(joined.worker)

    assert (await world.view(joined.worker)).state is WorkerState.SERVING
    assert (await world.attach()).worker == joined.worker


async def test_five_seconds_of_silence_lose_a_worker_and_suspend_its_sessions(world: World) -> None:
    joined = await world.worker(a_worker())
    near, far = await world.attach(gateway=NEAR), await world.attach(gateway=FAR)
    world.silence(joined.worker)

    await world.advance(4.75)
    assert await world.heard(NEAR) == []
    await world.advance(0.25)

    assert (await world.view(joined.worker)).state is WorkerState.LOST
    assert await world.heard(NEAR) == [WorkerLost(joined.worker)]
    assert await world.heard(FAR) == [WorkerLost(joined.worker)]
    for held in (near, far):
        assert (await world.session(held.session)).state is ClaimState.SUSPENDED
    assert "worker.lost" in [event.type for event in await world.events()]


async def test_a_lost_workers_sessions_that_nobody_resumes_end_as_failed(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    world.silence(joined.worker)

    await world.advance(35)

    record = await world.record(held.session)
    assert (record.outcome, record.code) == (Outcome.FAILED, Code.WORKER_LOST)


async def test_a_session_suspended_before_its_worker_was_lost_ends_as_completed(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    await world.store.suspend(held.session, held.fence, Usage(), is_worker_lost=False)
    world.silence(joined.worker)

    await world.advance(35)

    assert (await world.record(held.session)).outcome is Outcome.COMPLETED


async def test_when_over_half_of_a_region_lapses_together_nobody_is_lost_for_as_long_again(world: World) -> None:
    workers = [await world.worker(a_worker(slots=1)) for _ in range(4)]
    sessions = [(await world.attach()).session for _ in range(4)]
    for joined in workers[:3]:
        world.silence(joined.worker)

    await world.advance(9.75)
    states = [(await world.view(joined.worker)).state for joined in workers]
    assert states == [WorkerState.SUSPECT] * 3 + [WorkerState.SERVING]
    assert all([(await world.session(session)).state is ClaimState.HELD for session in sessions])
    await world.advance(0.25)

    states = [(await world.view(joined.worker)).state for joined in workers]
    assert states == [WorkerState.LOST] * 3 + [WorkerState.SERVING]


async def test_another_regions_workers_do_not_count_for_that(world: World) -> None:
    lonely = await world.worker(a_worker(region="us"))
    for _ in range(3):
        await world.worker(a_worker(region="eu"))
    world.silence(lonely.worker)

    await world.advance(5)

    assert (await world.view(lonely.worker)).state is WorkerState.LOST


async def test_a_lost_worker_must_register_again(world: World) -> None:
    joined = await world.worker(a_worker())
    world.silence(joined.worker)
    await world.advance(5)

    answer = await world.store.heartbeat(Heartbeat(joined.worker, 99, 0))

    assert isinstance(answer, Refused)
    assert answer.code is Code.WORKER_NOT_FOUND


async def test_three_different_sessions_that_cannot_reach_a_worker_make_it_suspect(world: World) -> None:
    joined = await world.worker(a_worker())
    one, two, three = a_session(), a_session(), a_session()

    for session in (one, one, one, two):
        await world.store.suspect(joined.worker, session)
    assert (await world.view(joined.worker)).state is WorkerState.SERVING
    await world.store.suspect(joined.worker, three)

    assert (await world.view(joined.worker)).state is WorkerState.SUSPECT


async def test_heartbeats_do_not_heal_such_a_suspicion_before_three_seconds(world: World) -> None:
    joined = await world.worker(a_worker())
    for _ in range(3):
        await world.store.suspect(joined.worker, a_session())

    await world.advance(2)
    assert (await world.view(joined.worker)).state is WorkerState.SUSPECT
    await world.advance(2)

    assert (await world.view(joined.worker)).state is WorkerState.SERVING


async def test_a_session_that_reaches_it_clears_the_complaints(world: World) -> None:
    joined = await world.worker(a_worker())
    for _ in range(2):
        await world.store.suspect(joined.worker, a_session())
    await world.attach()

    await world.store.suspect(joined.worker, a_session())

    assert (await world.view(joined.worker)).state is WorkerState.SERVING


async def test_complaints_of_long_ago_do_not_count(world: World) -> None:
    joined = await world.worker(a_worker())
    for _ in range(3):
        await world.store.suspect(joined.worker, a_session())
        await world.advance(31)

    assert (await world.view(joined.worker)).state is WorkerState.SERVING


async def test_a_suspect_worker_keeps_its_sessions_and_takes_them_back(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    for _ in range(3):
        await world.store.suspect(joined.worker, a_session())

    assert (await world.attach(held.session)).worker == joined.worker
