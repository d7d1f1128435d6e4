"""Workers and gateways with more sessions than one step deals with."""

from __future__ import annotations

from collections import Counter

from scheduler.values import ClaimState, SessionOnWorker
from tests.scheduler.builders import FAR, NEAR, a_request, a_worker
from tests.scheduler.world import World

MANY = 450


async def test_all_sessions_of_a_lost_worker_are_suspended(world: World) -> None:
    joined = await world.worker(a_worker(slots=MANY))
    held = [await world.held(a_request(user=f"usr_{number}")) for number in range(MANY)]

    world.silence(joined.worker)
    await world.advance(6)

    assert Counter({ClaimState.SUSPENDED: MANY}) == Counter(view.state for view in await world.store.sessions())
    assert len(held) == (await world.view(joined.worker)).suspended


async def test_all_detached_sessions_of_a_lapsed_gateway_are_suspended(world: World) -> None:
    joined = await world.worker(a_worker(slots=MANY))
    held = [await world.held(a_request(user=f"usr_{number}", gateway=NEAR)) for number in range(MANY)]
    world.renewing.remove(NEAR)
    await world.beat(joined.worker, detached=tuple(SessionOnWorker(one.session, one.fence, False) for one in held))

    await world.advance(16)

    assert {ClaimState.SUSPENDED} == {view.state for view in await world.store.sessions()}


async def test_a_gateway_leaves_with_all_its_sessions(world: World) -> None:
    joined = await world.worker(a_worker(slots=MANY))
    for number in range(MANY):
        await world.held(a_request(user=f"usr_{number}", gateway=FAR))

    await world.store.leave(FAR)

    assert (await world.view(joined.worker)).suspended == MANY
