"""A record is an estimate when some attach's gateway never said what it carried in the end, and only then."""

from __future__ import annotations

from scheduler.values import Claimed, Done, End, Ended, EndRecord, Outcome, Usage
from tests.scheduler.builders import FAR, a_worker
from tests.scheduler.world import World

ONE = Usage(1, 1, 1, 1)
TWO = Usage(2, 2, 2, 2)


async def resumed_elsewhere(world: World) -> tuple[Claimed, Claimed]:
    """An attach that its gateway has not reported, and the one that took its place at another gateway."""
    await world.worker(a_worker())
    old = await world.attach()
    await world.store.checkpoint(old.session, old.fence, ONE)
    return old, await world.attach(old.session, gateway=FAR)


async def ended(world: World, attach: Claimed) -> EndRecord:
    """Its gateway ends the session and says what the attach carried: TWO."""
    answer = await world.store.end(End(attach.session, Outcome.COMPLETED, None, "", "client", attach.fence, TWO))
    assert isinstance(answer, Ended)
    return answer.record


async def test_a_gateway_that_never_reports_leaves_an_estimate(world: World) -> None:
    _, new = await resumed_elsewhere(world)

    record = await ended(world, new)

    assert (record.is_estimated, record.usage) == (True, ONE + TWO)


async def test_a_gateway_that_reports_late_leaves_none(world: World) -> None:
    old, new = await resumed_elsewhere(world)
    await world.store.suspend(old.session, old.fence, TWO, is_worker_lost=False)

    record = await ended(world, new)

    assert (record.is_estimated, record.usage) == (False, TWO + TWO)


async def test_a_late_checkpoint_is_no_last_word(world: World) -> None:
    old, new = await resumed_elsewhere(world)
    await world.store.checkpoint(old.session, old.fence, TWO)

    record = await ended(world, new)

    assert (record.is_estimated, record.usage) == (True, TWO + TWO)


async def test_what_one_attach_owed_is_not_forgotten_by_a_third(world: World) -> None:
    old, new = await resumed_elsewhere(world)
    await world.store.suspend(new.session, new.fence, TWO, is_worker_lost=False)
    third = await world.attach(old.session)

    record = await ended(world, third)

    assert (record.is_estimated, record.usage) == (True, ONE + TWO + TWO)


async def test_attaches_that_were_all_reported_leave_none(world: World) -> None:
    await world.worker(a_worker())
    first = await world.attach()
    assert await world.store.suspend(first.session, first.fence, ONE, is_worker_lost=False) == Done()
    second = await world.attach(first.session)

    record = await ended(world, second)

    assert (record.is_estimated, record.usage) == (False, ONE + TWO)
