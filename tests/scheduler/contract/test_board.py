"""What programs leave for each other in the store: plans of drains, and who has which role."""

from __future__ import annotations

from dataclasses import replace

from scheduler.values import DrainState
from tests.scheduler.builders import a_plan
from tests.scheduler.world import World


async def test_plans_are_kept_as_written_the_oldest_first(world: World) -> None:
    late, early = a_plan(started_at=world.now + 5), a_plan(started_at=world.now)
    for plan in (late, early):
        assert await world.store.put_drain(plan)

    assert await world.store.drains() == [early, late]


async def test_a_plans_progress_replaces_it(world: World) -> None:
    plan = a_plan()
    await world.store.put_drain(plan)
    further = replace(plan, state=DrainState.MOVING, sessions_left=3, sessions_told=2)

    assert await world.store.put_drain(further)

    assert await world.store.drains() == [further]


async def test_a_cancelled_plan_stays_cancelled(world: World) -> None:
    plan = a_plan()
    cancelled = replace(plan, state=DrainState.CANCELLED)
    undone = replace(cancelled, ended_at=world.now)
    await world.store.put_drain(plan)
    await world.store.put_drain(cancelled)

    late = [await world.store.put_drain(replace(plan, state=state)) for state in DrainState]
    undoing = await world.store.put_drain(undone)

    assert late == [state is DrainState.CANCELLED for state in DrainState]
    assert undoing
    assert await world.store.drains() == [undone]


async def test_a_dropped_plan_is_gone(world: World) -> None:
    plan, other = a_plan(), a_plan()
    await world.store.put_drain(plan)
    await world.store.put_drain(other)

    await world.store.drop_drain(plan.id)
    await world.store.drop_drain("drn_unknown")

    assert await world.store.drains() == [other]


async def test_a_role_has_one_holder_who_keeps_it_by_asking_again(world: World) -> None:
    assert await world.store.lead("drainer", "one", 3.0)
    await world.advance(2)
    assert await world.store.lead("drainer", "one", 3.0)
    await world.advance(2)

    assert not await world.store.lead("drainer", "two", 3.0)
    assert await world.store.lead("sweeper", "two", 3.0)


async def test_a_role_goes_to_another_when_its_time_is_over(world: World) -> None:
    await world.store.lead("drainer", "one", 3.0)
    await world.advance(3)

    assert await world.store.lead("drainer", "two", 3.0)
    assert not await world.store.lead("drainer", "one", 3.0)


async def test_a_role_given_back_is_free_at_once(world: World) -> None:
    await world.store.lead("drainer", "one", 3.0)

    await world.store.lead("drainer", "one", 0.0)

    assert await world.store.lead("drainer", "two", 3.0)


async def test_nobody_gives_back_what_another_has(world: World) -> None:
    await world.store.lead("drainer", "one", 3.0)

    assert not await world.store.lead("drainer", "two", 0.0)
    assert not await world.store.lead("drainer", "two", 3.0)
