"""Workers join, show what they said, and are told what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.errors import Code
from moorage.ids import GatewayId, SessionId, WorkerId
from scheduler.values import (
    Beaten,
    Direct,
    Directive,
    Done,
    Heartbeat,
    JoinKey,
    Kubernetes,
    Order,
    PoolView,
    Refused,
    SessionOnWorker,
    WorkerState,
)
from tests.scheduler.builders import FAR, NEAR, START, a_request, a_worker
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


ATTACH = Directive(Order.ATTACH, SessionId("ses_1"), 7, START + 3, gateway="http://10.0.0.5:7404", ticket="t" * 32)


async def test_an_order_is_passed_on_over_the_link_and_kept_nowhere(world: World) -> None:
    joined = await world.worker(a_worker(gateway=FAR))

    assert await world.store.direct(joined.worker, ATTACH)

    assert await world.heard(FAR) == [Direct(joined.worker, ATTACH)]
    assert (await world.beat(joined.worker)).directives == ()


async def test_an_order_for_a_worker_without_a_link_comes_with_its_next_heartbeat(world: World) -> None:
    joined = await world.worker(a_worker())

    assert await world.store.direct(joined.worker, ATTACH)

    assert await world.store.heartbeat(Heartbeat(joined.worker, 7, 0)) == Beaten(7, (ATTACH,))
    assert await world.store.heartbeat(Heartbeat(joined.worker, 8, 0)) == Beaten(8)


async def test_an_order_nobody_listens_for_is_kept_nowhere(world: World) -> None:
    joined = await world.worker(a_worker(gateway=GatewayId("gtw_gone")))

    assert not await world.store.direct(joined.worker, ATTACH)
    assert not await world.store.direct(WorkerId("wrk_unknown"), ATTACH)

    assert (await world.beat(joined.worker)).directives == ()


async def test_a_beat_that_comes_late_over_a_link_that_was_left_takes_no_orders_back_there(world: World) -> None:
    joined = await world.worker(a_worker(gateway=NEAR))
    await world.store.heartbeat(Heartbeat(joined.worker, 7, 0, gateway=FAR))

    late = await world.store.heartbeat(Heartbeat(joined.worker, 6, 0, gateway=NEAR, is_ready=False))
    was_passed_on = await world.store.direct(joined.worker, ATTACH)

    assert late == Beaten(6)
    assert (await world.view(joined.worker)).state is WorkerState.SERVING
    assert was_passed_on
    assert (await world.heard(NEAR), await world.heard(FAR)) == ([], [Direct(joined.worker, ATTACH)])


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
