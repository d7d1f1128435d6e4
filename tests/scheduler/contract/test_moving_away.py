"""Telling attached sessions to reconnect: how many, which, and when again."""

from __future__ import annotations

from moorage.errors import Code
from moorage.ids import GatewayId, WorkerId
from scheduler.drains import TOLD_AGAIN_AFTER
from scheduler.values import CloseSession, Drain, Notice, Usage, Wanted
from tests.scheduler.builders import FAR, NEAR, a_request, a_worker
from tests.scheduler.world import World


def told(notices: list[Notice]) -> list[CloseSession]:
    return [notice for notice in notices if isinstance(notice, CloseSession) and notice.code is Code.DRAINING]


async def drained(world: World, sessions: int) -> WorkerId:
    """A worker with sessions whose drain's deadline has passed, and another one with room for them."""
    joined = await world.worker(a_worker(slots=max(10, sessions)))
    for _ in range(sessions):
        await world.attach()
    await world.worker(a_worker(slots=max(10, sessions)))
    await world.store.drain(joined.worker, Drain(world.now, 10.0))
    return joined.worker


async def test_at_most_so_many_are_told_and_counted(world: World) -> None:
    worker = await drained(world, 5)

    counts = [await world.store.move_away(worker, 2) for _ in range(4)]

    notices = told(await world.heard(NEAR))
    assert counts == [2, 2, 1, 0]
    assert len({notice.session for notice in notices}) == 5
    for notice in notices:
        assert notice.fence == (await world.session(notice.session)).fence


async def test_none_is_told_where_none_may_be(world: World) -> None:
    worker = await drained(world, 1)

    assert await world.store.move_away(worker, 0) == 0
    assert told(await world.heard(NEAR)) == []


async def test_retries_are_spread_over_a_second(world: World) -> None:
    worker = await drained(world, 50)

    await world.store.move_away(worker, 50)

    retries = [notice.retry_after or 0 for notice in told(await world.heard(NEAR))]
    assert all(0.2 <= retry <= 1.2 for retry in retries)
    assert len(set(retries)) > 25
    assert max(retries) - min(retries) > 0.5


async def test_a_session_that_does_not_leave_is_told_again_later(world: World) -> None:
    worker = await drained(world, 1)
    await world.store.move_away(worker, 10)
    await world.advance(TOLD_AGAIN_AFTER - 1)

    early = await world.store.move_away(worker, 10)
    await world.advance(1)
    due = await world.store.move_away(worker, 10)

    assert (early, due) == (0, 1)
    assert len(told(await world.heard(NEAR))) == 2


async def test_only_attached_sessions_are_told(world: World) -> None:
    joined = await world.worker(a_worker())
    gone = await world.attach()
    await world.claimed(a_request(now=world.now))
    await world.worker(a_worker())
    await world.store.suspend(gone.session, gone.fence, Usage(), is_worker_lost=False)
    await world.store.drain(joined.worker, Drain(world.now, 10.0))

    assert await world.store.move_away(joined.worker, 10) == 0
    assert told(await world.heard(NEAR)) == []


async def test_each_sessions_own_gateway_hears(world: World) -> None:
    joined = await world.worker(a_worker())
    near, far = await world.attach(gateway=NEAR), await world.attach(gateway=FAR)
    await world.worker(a_worker())
    await world.store.drain(joined.worker, Drain(world.now, 10.0))

    await world.store.move_away(joined.worker, 10)

    assert [notice.session for notice in told(await world.heard(NEAR))] == [near.session]
    assert [notice.session for notice in told(await world.heard(FAR))] == [far.session]


async def test_of_a_gateway_its_sessions_are_told_and_return_to_their_worker(world: World) -> None:
    joined = await world.worker(a_worker(slots=3))
    near = [await world.attach(gateway=NEAR) for _ in range(2)]
    await world.attach(gateway=FAR)

    count = await world.store.move_away(NEAR, 10)

    notices = told(await world.heard(NEAR))
    again = await world.attach(near[0].session, gateway=FAR)
    assert count == 2
    assert {notice.session for notice in notices} == {claimed.session for claimed in near}
    assert told(await world.heard(FAR)) == []
    assert again.worker == joined.worker


async def test_a_session_is_told_once_for_its_worker_and_its_gateway(world: World) -> None:
    worker = await drained(world, 1)

    counts = [await world.store.move_away(worker, 10), await world.store.move_away(NEAR, 10)]

    assert counts == [1, 0]


async def test_who_fits_on_no_other_worker_is_left_in_peace_until_there_is_room(world: World) -> None:
    joined = await world.worker(a_worker(pool="gpu"))
    bound = await world.held(a_request(wanted=Wanted(pools=("gpu",)), now=world.now))
    free = await world.held(a_request(wanted=Wanted(), now=world.now))
    await world.worker(a_worker(pool="cpu"))
    await world.store.drain(joined.worker, Drain(world.now, 10.0))

    first = await world.store.move_away(joined.worker, 10)
    notices = told(await world.heard(NEAR))
    await world.worker(a_worker(pool="gpu"))
    second = await world.store.move_away(joined.worker, 10)

    assert (first, [notice.session for notice in notices]) == (1, [free.session])
    assert (second, [notice.session for notice in told(await world.heard(NEAR))]) == (1, [bound.session])


async def test_what_is_not_known_has_nobody_to_tell(world: World) -> None:
    assert await world.store.move_away(WorkerId("wrk_none"), 10) == 0
    assert await world.store.move_away(GatewayId("gtw_none"), 10) == 0
