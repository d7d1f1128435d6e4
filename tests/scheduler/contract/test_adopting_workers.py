"""After a loss of data: what workers bring back."""

from __future__ import annotations

import pytest

from moorage.errors import Code
from moorage.ids import WorkerId
from scheduler.values import (
    Order,
    Outcome,
    Refused,
    Wanted,
    WorkerEnd,
)
from tests.builders import a_worker_id
from tests.scheduler.builders import a_request, a_session, a_worker
from tests.scheduler.contract.afterloss import (  # noqa: F401
    FENCE,
    KEY,
    LOST,
    WINDOW,
    adopt,
    is_open,
    on_it,
    returned,
    the_window_passes,
)
from tests.scheduler.world import World


async def test_a_forgotten_worker_keeps_its_id_and_its_key(world: World) -> None:
    worker = await returned(world)

    claimed = await world.attach()

    assert (claimed.worker, claimed.claim_key) == (worker, KEY)


@pytest.mark.parametrize(
    ("again", "key"),
    [(WorkerId("wrk_1"), KEY), (a_worker_id(), b"short"), (a_worker_id(), None), (WorkerId("ses_" + "0" * 26), KEY)],
)
async def test_an_identity_that_cannot_be_one_is_replaced(world: World, again: WorkerId, key: bytes | None) -> None:
    answer = await world.worker(a_worker(again=again, claim_key=key, sessions=(on_it(a_session()),)))

    assert answer.worker != again
    assert answer.claim_key != key
    assert await is_open(world)


async def test_a_returned_worker_is_known_from_then_on(world: World) -> None:
    worker = await returned(world)

    thief = await world.store.register(a_worker(again=worker, claim_key=b"x" * 32))

    assert isinstance(thief, Refused)
    assert thief.code is Code.PERMISSION_DENIED


async def test_a_worker_with_sessions_keeps_the_region_closed_for_a_while(world: World) -> None:
    await world.worker(a_worker())
    await world.worker(a_worker(region="us"))
    before = await is_open(world)
    await returned(world, on_it(a_session()))

    during = await is_open(world), await is_open(world, "us")
    elsewhere = await world.claimed(a_request(wanted=Wanted(regions=("eu", "us"))))
    await world.advance(WINDOW - 1)
    late = await is_open(world)
    await world.advance(1.5)

    assert before
    assert during == (False, True)
    assert elsewhere.region == "us"
    assert not late
    assert await is_open(world)


async def test_a_worker_without_sessions_closes_nothing(world: World) -> None:
    await returned(world)

    assert await is_open(world)


async def test_sessions_nobody_has_claimed_yet_hold_their_slots(world: World) -> None:
    sessions = [on_it(a_session()), on_it(a_session(), is_attached=False)]

    worker = await returned(world, *sessions, slots=3)

    assert (await world.view(worker)).used == 2
    assert await world.orders(worker) == []
    retired = await world.store.retire(worker)
    assert isinstance(retired, Refused)
    assert retired.code is Code.CONFLICT


async def test_what_nobody_adopted_is_told_to_end_when_the_window_is_over(world: World) -> None:
    orphan = on_it(a_session())
    worker = await returned(world, orphan)

    await world.advance(WINDOW + 0.5)

    orders = await world.orders(worker)
    assert [(order.order, order.session, order.fence) for order in orders] == [
        (Order.END_SESSION, orphan.session, orphan.fence)
    ]
    assert (await world.view(worker)).used == 0


async def test_a_worker_cannot_bring_back_more_than_it_has_slots(world: World) -> None:
    attached, detached, more = on_it(a_session()), on_it(a_session(), is_attached=False), on_it(a_session())

    worker = await returned(world, detached, attached, more, slots=2)

    assert (await world.view(worker)).used == 2
    assert [order.session for order in await world.orders(worker)] == [detached.session]


async def test_a_worker_that_registers_twice_counts_its_sessions_once(world: World) -> None:
    kept, over = on_it(a_session()), on_it(a_session())
    await returned(world, kept, over, slots=2)

    worker = await returned(world, kept, slots=2)

    assert (await world.view(worker)).used == 1


async def test_a_session_that_its_worker_ends_meanwhile_frees_its_slot(world: World) -> None:
    orphan = on_it(a_session())
    worker = await returned(world, orphan)

    await world.beat(worker, detached=(on_it(orphan.session, is_attached=False),))
    before = (await world.view(worker)).used
    await world.beat(worker, ended=(WorkerEnd(orphan.session, orphan.fence, Outcome.COMPLETED),))

    assert before == 1
    assert (await world.view(worker)).used == 0


async def test_a_session_that_has_ended_is_no_orphan(world: World) -> None:
    over = on_it(a_session())
    await world.store.seed({over.session: world.now + 600}, [])

    worker = await returned(world, over)

    assert (await world.view(worker)).used == 0
    assert [order.session for order in await world.orders(worker)] == [over.session]


async def test_an_old_store_knows_better_than_a_worker_that_lists_sessions(world: World) -> None:
    await world.advance(WINDOW + 1)
    stray = on_it(a_session())

    worker = await returned(world, stray)

    assert [order.session for order in await world.orders(worker)] == [stray.session]
    assert await is_open(world)
