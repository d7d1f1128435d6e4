"""Gateways that fall silent, leave or come back: what becomes of the sessions they relayed."""

from __future__ import annotations

from scheduler.values import (
    Claimed,
    ClaimState,
    Queued,
    Refused,
    SessionOnWorker,
    Stale,
    Usage,
)
from tests.scheduler.builders import FAR, NEAR, a_held, a_request, a_session, a_worker
from tests.scheduler.world import World


async def test_a_gateway_that_is_cut_off_costs_nobody_the_session(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    world.renewing.remove(NEAR)

    await world.advance(60)

    assert (await world.session(held.session)).state is ClaimState.HELD
    assert NEAR not in await world.store.nodes()


async def test_a_checkpoint_keeps_the_lease_of_its_gateway(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    world.renewing.remove(NEAR)
    await world.beat(held.worker, detached=(SessionOnWorker(held.session, held.fence, False),))
    await world.advance(10)
    await world.store.checkpoint(held.session, held.fence, Usage())

    await world.advance(10)

    assert (await world.session(held.session)).state is ClaimState.HELD
    assert NEAR in await world.store.nodes()


async def test_a_listed_session_whose_gateway_is_gone_is_suspended_if_it_is_not_attached(world: World) -> None:
    joined = await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    world.renewing.remove(NEAR)
    await world.advance(16)

    await world.worker(
        a_worker(
            again=joined.worker,
            claim_key=joined.claim_key,
            sessions=(SessionOnWorker(held.session, held.fence, False),),
        )
    )

    assert (await world.session(held.session)).state is ClaimState.SUSPENDED


async def test_a_gateway_that_comes_back_adopts_what_it_still_relays(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    gone = await world.attach(gateway=NEAR)
    replaced = await world.attach(gateway=NEAR)
    world.renewing.remove(NEAR)
    await world.beat(held.worker, detached=(SessionOnWorker(held.session, held.fence, False),))
    await world.advance(16)
    assert (await world.session(held.session)).state is ClaimState.SUSPENDED
    await world.end(gone.session)
    newer = await world.attach(replaced.session, gateway=FAR)
    unknown = a_session()

    stale = await world.adopt(NEAR, held, gone, replaced, a_held(unknown, 1, held.worker))

    assert stale == [Stale(gone.session, None), Stale(replaced.session, newer.fence), Stale(unknown, None)]
    view = await world.session(held.session)
    assert (view.state, view.gateway, view.fence) == (ClaimState.HELD, NEAR, held.fence)
    assert NEAR in await world.store.nodes()


async def test_what_a_gateway_does_not_name_when_it_adopts_is_suspended(world: World) -> None:
    await world.worker(a_worker())
    kept, dropped = await world.attach(gateway=NEAR), await world.attach(gateway=NEAR)
    of_another = await world.attach(gateway=FAR)
    await world.advance(5)
    young = await world.attach(gateway=NEAR)

    assert await world.adopt(NEAR, kept) == []

    states = [(await world.session(one.session)).state for one in (kept, dropped, of_another, young)]
    assert states == [ClaimState.HELD, ClaimState.SUSPENDED, ClaimState.HELD, ClaimState.HELD]


async def test_an_attach_whose_confirmation_was_lost_is_adopted(world: World) -> None:
    await world.worker(a_worker())
    claimed = await world.claimed(a_request())

    assert await world.adopt(NEAR, claimed) == []

    assert (await world.session(claimed.session)).state is ClaimState.HELD
    assert await world.event_types(claimed.session) == ["session.started"]


async def test_nothing_is_adopted_on_a_lost_worker(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    world.silence(held.worker)
    await world.advance(6)

    assert await world.adopt(NEAR, held) == [Stale(held.session, held.fence)]


async def test_a_gateway_that_leaves_suspends_what_it_held_and_frees_the_rest(world: World) -> None:
    joined = await world.worker(a_worker(slots=3))
    held = await world.attach(gateway=NEAR)
    await world.claimed(a_request(gateway=NEAR))
    of_another = await world.attach(gateway=FAR)
    waiting = a_request(gateway=NEAR, wait_seconds=60)
    assert isinstance(await world.store.claim(waiting), Queued)

    world.renewing.remove(NEAR)
    await world.store.leave(NEAR)

    view = await world.view(joined.worker)
    assert (view.reserved, view.held, view.suspended) == (0, 1, 1)
    assert (await world.session(held.session)).state is ClaimState.SUSPENDED
    assert (await world.session(of_another.session)).state is ClaimState.HELD
    assert await world.store.queue(waiting.session) is None
    assert list(await world.store.nodes()) == [FAR]


async def test_waiters_of_a_lapsed_gateway_leave_the_queue(world: World) -> None:
    await world.worker(a_worker(slots=1))
    held = await world.attach(gateway=FAR)
    lapsing = a_request(gateway=NEAR, wait_seconds=60)
    await world.store.claim(lapsing)
    behind = a_request(gateway=FAR, wait_seconds=60)
    await world.store.claim(behind)
    world.renewing.remove(NEAR)
    await world.advance(16)

    await world.end(held.session)

    assert (await world.session(behind.session)).state is ClaimState.RESERVED
    assert await world.store.queue(lapsing.session) is None


async def test_a_gateway_that_only_renews_is_remembered(world: World) -> None:
    await world.worker(a_worker())
    world.renewing.remove(NEAR)
    await world.advance(20)

    await world.store.renew(NEAR)

    assert (await world.store.nodes())[NEAR] == f"wss://{NEAR}"
    assert not isinstance(await world.store.claim(a_request(gateway=NEAR)), Refused)


async def test_a_lost_worker_suspends_sessions_whose_gateway_is_gone_too(world: World) -> None:
    await world.worker(a_worker())
    held = await world.attach(gateway=NEAR)
    world.renewing.remove(NEAR)
    world.silence(held.worker)

    await world.advance(16)

    assert (await world.session(held.session)).state is ClaimState.SUSPENDED


async def test_a_reservation_of_a_lapsed_gateway_frees_its_slot_by_itself(world: World) -> None:
    joined = await world.worker(a_worker(slots=1))
    claimed = await world.store.claim(a_request(gateway=NEAR))
    assert isinstance(claimed, Claimed)
    world.renewing.remove(NEAR)

    await world.advance(16)

    assert (await world.view(joined.worker)).used == 0
