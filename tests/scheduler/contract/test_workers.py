"""Workers join, fall silent, come back, and are told what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.errors import Code
from moorage.ids import SessionId, WorkerId
from scheduler.values import (
    Beaten,
    ClaimState,
    Direct,
    Directive,
    Done,
    Drain,
    Heartbeat,
    JoinKey,
    Kubernetes,
    Order,
    Outcome,
    PoolView,
    Refused,
    Registered,
    SessionOnWorker,
    Usage,
    WorkerLost,
    WorkerState,
)
from tests.scheduler.builders import FAR, NEAR, a_request, a_session, a_worker
from tests.scheduler.world import World


async def test_a_worker_joins_and_shows_what_it_said(world: World) -> None:
    registration = replace(
        a_worker(slots=7, labels=[("gpu", "a100")]), version="1.2", kubernetes=Kubernetes("ns", "pod", "uid")
    )

    joined = await world.worker(registration)

    view = await world.view(joined.worker)
    assert (view.name, view.region, view.pool) == (registration.name, "eu", "gpu")
    assert (view.address, view.slots, view.version) == (registration.address, 7, "1.2")
    assert (view.labels, view.kubernetes) == (registration.labels, registration.kubernetes)
    assert (view.state, view.used, view.joined_at) == (WorkerState.SERVING, 0, world.now)
    assert joined.state is WorkerState.SERVING
    assert len(joined.claim_key) >= 32
    assert [event.type for event in await world.events()] == ["worker.joined"]


@pytest.mark.parametrize(
    "change",
    [
        {"slots": 0},
        {"slots": 100_001},
        {"name": ""},
        {"name": "n" * 129},
        {"region": "a\nb"},
        {"pool": ""},
        {"version": "v" * 129},
        {"address": "nowhere"},
        {"address": "h" * 300 + ":1"},
        {"labels": frozenset((str(number), "x") for number in range(33))},
        {"labels": frozenset({("", "x")})},
        {"labels": frozenset({("k", "v" * 254)})},
        {"labels": frozenset({("k", "a"), ("k", "b")})},
        {"slots": 1, "sessions": tuple(SessionOnWorker(SessionId(str(n)), n, False) for n in range(3))},
    ],
)
async def test_what_a_worker_says_of_itself_is_checked(world: World, change: dict[str, object]) -> None:
    answer = await world.store.register(replace(a_worker(), **change))  # type: ignore[arg-type]

    assert isinstance(answer, Refused)
    assert answer.code is Code.UNPROCESSABLE
    assert await world.store.workers() == []


async def test_a_starting_worker_gets_nothing_before_it_is_ready(world: World) -> None:
    joined = await world.worker(a_worker(is_starting=True))
    assert (await world.view(joined.worker)).state is WorkerState.STARTING
    before = await world.store.claim(a_request())

    assert await world.store.ready(joined.worker) == Done()

    assert isinstance(before, Refused)
    assert (await world.attach()).worker == joined.worker


async def test_a_heartbeat_that_says_ready_is_enough(world: World) -> None:
    joined = await world.worker(a_worker(is_starting=True))
    await world.beat(joined.worker, is_ready=False)
    assert (await world.view(joined.worker)).state is WorkerState.STARTING

    await world.beat(joined.worker, is_ready=True)

    assert (await world.view(joined.worker)).state is WorkerState.SERVING


async def test_a_serving_worker_that_says_it_is_not_ready_gets_nothing_new(world: World) -> None:
    joined = await world.worker(a_worker())

    await world.beat(joined.worker, is_ready=False)

    assert isinstance(await world.store.claim(a_request()), Refused)


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


async def test_registering_again_keeps_id_and_slots(world: World) -> None:
    joined = await world.worker(a_worker(slots=2))
    held = await world.attach()

    again = await world.worker(
        a_worker(
            slots=3,
            again=joined.worker,
            claim_key=joined.claim_key,
            sessions=(SessionOnWorker(held.session, held.fence, True),),
        )
    )

    assert again == joined
    view = await world.view(joined.worker)
    assert (view.slots, view.held) == (3, 1)
    assert (await world.session(held.session)).state is ClaimState.HELD


async def test_registering_again_needs_the_key(world: World) -> None:
    joined = await world.worker(a_worker())

    for key in (None, b"x" * 32):
        answer = await world.store.register(a_worker(again=joined.worker, claim_key=key))
        assert isinstance(answer, Refused)
        assert answer.code is Code.PERMISSION_DENIED


async def test_registering_again_elsewhere_or_with_too_few_slots_is_a_conflict(world: World) -> None:
    joined = await world.worker(a_worker(slots=3))
    for _ in range(2):
        await world.attach()

    answers = [
        await world.store.register(a_worker(again=joined.worker, claim_key=joined.claim_key, region="us")),
        await world.store.register(a_worker(again=joined.worker, claim_key=joined.claim_key, slots=1)),
    ]

    assert [answer.code for answer in answers if isinstance(answer, Refused)] == [Code.CONFLICT] * 2


async def test_an_id_the_store_does_not_know_gets_a_new_one(world: World) -> None:
    joined = await world.worker(a_worker(again=WorkerId("wrk_of_another_epoch"), claim_key=b"k" * 32))

    assert joined.worker != "wrk_of_another_epoch"


async def test_a_lost_worker_that_registers_again_has_its_sessions_back(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    world.silence(joined.worker)
    await world.advance(6)
    other = await world.worker(a_worker())

    await world.worker(
        a_worker(
            again=joined.worker,
            claim_key=joined.claim_key,
            sessions=(SessionOnWorker(held.session, held.fence, False),),
        )
    )

    assert (await world.attach(held.session)).worker == joined.worker
    assert (await world.view(other.worker)).used == 0
    assert "worker.returned" in [event.type for event in await world.events()]


async def test_what_it_lost_meanwhile_is_placed_elsewhere(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach()
    world.silence(joined.worker)
    await world.advance(6)
    other = await world.worker(a_worker())

    await world.worker(a_worker(again=joined.worker, claim_key=joined.claim_key))

    assert (await world.attach(held.session)).worker == other.worker


async def test_what_ended_or_moved_meanwhile_it_is_told_to_end(world: World) -> None:
    joined = await world.worker(a_worker())
    ended, moved = await world.attach(), await world.attach()
    world.silence(joined.worker)
    await world.advance(6)
    await world.worker(a_worker())
    await world.end(ended.session)
    await world.attach(moved.session)
    listed = tuple(
        SessionOnWorker(session, fence, False)
        for session, fence in [(ended.session, ended.fence), (moved.session, moved.fence), (a_session(), 5)]
    )

    await world.worker(a_worker(again=joined.worker, claim_key=joined.claim_key, sessions=listed))

    orders = await world.orders(joined.worker)
    assert {order.order for order in orders} == {Order.END_SESSION}
    assert {order.session for order in orders} == {said.session for said in listed}
    assert (await world.view(joined.worker)).used == 0


async def test_a_new_process_of_the_same_name_inherits_nothing(world: World) -> None:
    joined = await world.worker(a_worker(name="same"))
    held = await world.attach()
    world.silence(joined.worker)

    new = await world.worker(a_worker(name="same"))

    assert new.worker != joined.worker
    assert (await world.view(new.worker)).used == 0
    assert (await world.session(held.session)).worker == joined.worker


async def test_a_worker_cannot_make_sessions_its_own(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach()
    liar = await world.worker(a_worker(slots=2))
    lies = tuple(SessionOnWorker(session, held.fence + 9, True) for session in (held.session, a_session()))

    await world.beat(liar.worker, attached=lies)
    await world.worker(a_worker(slots=2, again=liar.worker, claim_key=liar.claim_key, sessions=lies))

    assert (await world.view(liar.worker)).used == 0
    view = await world.session(held.session)
    assert (view.worker, view.fence, view.state) == (held.worker, held.fence, ClaimState.HELD)


async def test_directives_go_over_the_link_of_a_worker_that_has_one(world: World) -> None:
    joined = await world.worker(a_worker(gateway=FAR))

    await world.store.cordon(joined.worker)

    assert await world.heard(FAR) == [Direct(joined.worker, Directive(Order.CORDON))]
    assert (await world.beat(joined.worker)).directives == ()


async def test_a_link_that_moved_is_followed_with_the_next_heartbeat(world: World) -> None:
    joined = await world.worker(a_worker(gateway=FAR))
    world.beating[joined.worker] = NEAR
    await world.beat(joined.worker)

    await world.store.cordon(joined.worker)

    assert await world.heard(NEAR) == [Direct(joined.worker, Directive(Order.CORDON))]


async def test_without_a_link_directives_come_with_the_heartbeat_and_again_if_it_is_repeated(world: World) -> None:
    joined = await world.worker(a_worker())
    await world.store.cordon(joined.worker)

    first = await world.store.heartbeat(Heartbeat(joined.worker, 7, 0))
    again = await world.store.heartbeat(Heartbeat(joined.worker, 7, 0))
    older = await world.store.heartbeat(Heartbeat(joined.worker, 6, 0))
    later = await world.store.heartbeat(Heartbeat(joined.worker, 8, 0))

    assert first == again == Beaten(7, (Directive(Order.CORDON),))
    assert older == Beaten(6)
    assert later == Beaten(8)


async def test_load_is_shown(world: World) -> None:
    joined = await world.worker(a_worker())

    await world.beat(joined.worker, load=0.7)

    assert (await world.view(joined.worker)).load == 0.7


async def test_pools_show_their_room(world: World) -> None:
    await world.worker(a_worker(region="eu", pool="gpu", slots=4))
    closed = await world.worker(a_worker(region="eu", pool="gpu", slots=2))
    await world.store.cordon(closed.worker)
    await world.worker(a_worker(region="us", pool="cpu", slots=3))
    await world.attach()

    pools = await world.store.pools()

    assert sum(pool.used for pool in pools) == 1
    assert [replace(pool, used=0, free=pool.free + pool.used) for pool in pools] == [
        PoolView("eu", "gpu", 2, 6, 0, 4, 0),
        PoolView("us", "cpu", 1, 3, 0, 3, 0),
    ]


async def test_join_keys_are_found_by_their_digest_and_replaced_as_a_whole(world: World) -> None:
    one, two = JoinKey("a" * 64, "gpu", "eu"), JoinKey("b" * 64, "*", "*")
    await world.store.set_join_keys([one])
    await world.store.set_join_keys([two])

    assert await world.store.join_key(one.digest) is None
    assert await world.store.join_key(two.digest) == two


async def test_a_forgotten_worker_is_gone_after_ten_minutes(world: World) -> None:
    joined = await world.worker(a_worker())
    world.silence(joined.worker)

    await world.advance(601)

    assert await world.store.worker(joined.worker) is None
    answer = await world.store.register(a_worker(again=joined.worker, claim_key=joined.claim_key))
    assert isinstance(answer, Registered)
    assert answer.worker != joined.worker
