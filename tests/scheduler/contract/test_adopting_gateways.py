"""After a loss of data: what gateways bring back."""

from __future__ import annotations

import pytest

from moorage.errors import Code
from moorage.ids import GatewayId
from scheduler.policy import SchedulerPolicy
from scheduler.values import (
    Adopted,
    Claimed,
    ClaimState,
    CloseSession,
    Concurrency,
    End,
    Ended,
    Outcome,
    Refused,
    Revocation,
    Stale,
    Usage,
)
from tests.builders import a_worker_id
from tests.scheduler.builders import FAR, NEAR, START, a_held, a_request, a_session, a_worker
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
from tests.scheduler.world import Make, World, a_world


async def test_a_gateway_gives_a_session_back_with_its_fence(world: World) -> None:
    session = a_session()
    worker = await returned(world, on_it(session))
    held = a_held(session, FENCE, worker)._replace(usage=Usage(1, 2, 3, 4))

    answer = await adopt(world, held)

    assert answer == Adopted([], 0)
    view = await world.session(session)
    assert (view.state, view.worker, view.gateway, view.fence) == (ClaimState.HELD, worker, LOST, FENCE)
    assert (view.usage, view.expires_at) == (held.usage, held.expires_at)
    assert (await world.view(worker)).used == 1
    (event,) = await world.events(session)
    assert (event.type, event.data["adopted"], event.data["fence"]) == ("session.resumed", 1, FENCE)
    assert (event.data["workspace"], event.data["gateway"]) == (held.workspace, LOST)


async def test_adopting_twice_changes_nothing(world: World) -> None:
    session = a_session()
    worker = await returned(world, on_it(session))
    held = a_held(session, FENCE, worker)
    await adopt(world, held)

    again = await adopt(world, held)

    assert again == Adopted([], 0)
    assert len(await world.events(session)) == 1
    assert (await world.view(worker)).used == 1


async def test_a_gateway_that_relays_is_evidence_by_itself(world: World) -> None:
    await world.worker(a_worker())
    away = a_held(a_session(), FENCE, a_worker_id())

    answer = await adopt(world, away)

    assert answer == Adopted([], 1)
    assert not await is_open(world)


@pytest.mark.parametrize("is_joined_first", [True, False])
async def test_a_gateway_is_evidence_whether_it_joins_first_or_adopts_first(
    world: World, is_joined_first: bool
) -> None:
    if is_joined_first:
        await world.store.join(LOST, "wss://lost")

    answer = await world.store.adopt(LOST, [a_held(a_session(), FENCE, a_worker_id())])

    assert answer.waiting == 1


async def test_a_session_whose_worker_is_not_back_waits_for_it(world: World) -> None:
    session = a_session()
    held = a_held(session, FENCE, a_worker_id())
    first = await adopt(world, held)
    await world.advance(2)
    worker = await returned(world, on_it(session))

    second = await adopt(world, held)

    assert (first.waiting, second.waiting) == (1, 0)
    assert (await world.session(session)).worker == worker


async def test_who_still_waits_when_the_window_is_over_is_stale(world: World) -> None:
    held = a_held(a_session(), FENCE, a_worker_id())
    await adopt(world, held)

    await world.advance(WINDOW + 0.5)

    assert await adopt(world, held) == Adopted([Stale(held.session, None)], 0)


async def test_an_adopted_session_ends_with_what_its_attach_carried(world: World) -> None:
    session = a_session()
    worker = await returned(world, on_it(session))
    await adopt(world, a_held(session, FENCE, worker))
    wish = End(session, Outcome.COMPLETED, None, "bye", "client", FENCE, Usage(10, 20, 3, 4))

    answer = await world.store.end(wish)

    assert isinstance(answer, Ended)
    assert answer.is_first
    assert answer.record.usage == wish.usage
    assert answer.record.is_estimated
    assert (await world.view(worker)).used == 0


async def test_an_adopted_session_is_resumed_on_its_worker_with_a_higher_fence(world: World) -> None:
    session = a_session()
    worker = await returned(world, on_it(session))
    await world.worker(a_worker())
    await adopt(world, a_held(session, FENCE, worker))
    await world.store.suspend(session, FENCE, Usage(), is_worker_lost=False)

    claimed = await world.attach(session)

    assert claimed.worker == worker
    assert claimed.fence > FENCE
    assert claimed.is_resumed


async def test_fences_go_on_above_every_adopted_one(world: World) -> None:
    session, ahead = a_session(), int((START + 500) * 1_000_000)
    worker = await returned(world, on_it(session, ahead))
    await adopt(world, a_held(session, ahead, worker))

    claimed = await world.claimed(a_request(session))

    assert claimed.fence > ahead


async def test_adopted_sessions_count_against_limits(world: World) -> None:
    session = a_session()
    worker = await returned(world, on_it(session))
    await adopt(world, a_held(session, FENCE, worker))
    await world.advance(WINDOW + 0.5)

    refused = await world.store.claim(a_request(limits=Concurrency(per_user=1), now=world.now))
    await world.end(session)
    taken = await world.store.claim(a_request(limits=Concurrency(per_user=1), now=world.now))

    assert isinstance(refused, Refused)
    assert refused.code is Code.SESSION_LIMIT_EXCEEDED
    assert isinstance(taken, Claimed)


async def test_an_adopted_session_expires_when_it_should(world: World) -> None:
    session = a_session()
    worker = await returned(world, on_it(session))
    await adopt(world, a_held(session, FENCE, worker, expires_in=20))

    await world.advance(22)

    assert (await world.record(session)).outcome is Outcome.EXPIRED


async def test_what_ended_was_revoked_or_has_expired_is_never_brought_back(world: World) -> None:
    over, revoked, late, live = a_session(), a_session(), a_session(), a_session()
    worker = await returned(world, *(on_it(session) for session in (over, revoked, late, live)))
    until = world.now + 600
    await world.store.seed({over: until}, [Revocation("session", revoked, until, world.now)])

    answer = await adopt(
        world,
        a_held(over, FENCE, worker),
        a_held(revoked, FENCE, worker),
        a_held(late, FENCE, worker, expires_in=0),
        a_held(live, FENCE, worker),
    )

    assert answer == Adopted([Stale(over, None), Stale(revoked, None), Stale(late, None)], 0)
    assert (await world.session(live)).state is ClaimState.HELD


async def test_of_two_gateways_with_one_session_the_higher_fence_has_it(world: World) -> None:
    session = a_session()
    worker = await returned(world, on_it(session, FENCE))

    older = await adopt(world, a_held(session, FENCE - 1, worker))
    newer = await adopt(world, a_held(session, FENCE, worker), gateway=GatewayId("gtw_other"))

    assert older == Adopted([Stale(session, FENCE)], 0)
    assert newer == Adopted([], 0)
    assert (await world.session(session)).gateway == "gtw_other"


async def test_a_higher_fence_takes_a_session_from_who_adopted_it_first(world: World) -> None:
    session, other = a_session(), GatewayId("gtw_other")
    first = await returned(world)
    held = a_held(session, FENCE - 1, first)
    adopted = await adopt(world, held)
    if adopted.stale:  # no window yet: nobody named a session
        await returned(world, on_it(a_session()), number=2)
        await adopt(world, held)
    second = await returned(world, on_it(session, FENCE), number=1)

    await adopt(world, a_held(session, FENCE, second), gateway=other)
    again = await adopt(world, held)

    view = await world.session(session)
    assert (view.worker, view.fence, view.gateway, view.state) == (second, FENCE, other, ClaimState.HELD)
    assert again == Adopted([Stale(session, FENCE)], 0)
    assert CloseSession(session, FENCE - 1, Code.SESSION_SUPERSEDED) in await world.heard(LOST)
    assert ((await world.view(first)).used, (await world.view(second)).used) == (0, 1)


async def test_a_full_worker_gets_nothing_back_beyond_its_slots(world: World) -> None:
    kept, unlisted = a_session(), a_session()
    worker = await returned(world, on_it(kept), slots=1)

    answer = await adopt(world, a_held(kept, FENCE, worker), a_held(unlisted, FENCE, worker))

    assert answer.stale == [Stale(unlisted, FENCE)]
    assert (await world.view(worker)).used == 1


async def test_known_sessions_are_resumed_while_nothing_new_is_placed(world: World) -> None:
    joined = await world.worker(a_worker())
    known = await world.attach(gateway=FAR)
    await world.store.suspend(known.session, known.fence, Usage(), is_worker_lost=False)
    await returned(world, on_it(a_session()))

    back = await world.attach(known.session)

    assert back.worker == joined.worker
    assert not await is_open(world)


async def test_an_old_store_knows_better_than_a_gateway(world: World) -> None:
    joined = await world.worker(a_worker())
    await world.advance(WINDOW + 1)
    stray = a_held(a_session(), FENCE, joined.worker)

    assert await adopt(world, stray) == Adopted([Stale(stray.session, None)], 0)
    assert await is_open(world)


async def test_a_gateway_that_is_known_is_no_evidence(world: World) -> None:
    joined = await world.worker(a_worker())
    await world.store.adopt(NEAR, [])
    stray = a_held(a_session(), FENCE, joined.worker)

    assert await world.adopt(NEAR, stray) == [Stale(stray.session, None)]
    assert await is_open(world)


async def test_a_lost_worker_is_waited_for(world: World) -> None:
    session = a_session()
    worker = await returned(world, on_it(session))
    world.silence(worker)
    await world.advance(6)
    held = a_held(session, FENCE, worker)

    while_lost = await adopt(world, held)
    await returned(world, on_it(session))
    back = await adopt(world, held)

    assert (while_lost.waiting, back.waiting) == (1, 0)
    assert (await world.session(session)).worker == worker


async def test_a_store_whose_gateways_died_with_it_waits_for_nobody(make: Make) -> None:
    async with a_world(make, SchedulerPolicy(adoption_seconds=0)) as world:
        stray = on_it(a_session())
        worker = await returned(world, stray)

        assert await adopt(world, a_held(a_session(), FENCE, worker)) != Adopted([], 1)
        assert [order.session for order in await world.orders(worker)] == [stray.session]
        assert await is_open(world)
