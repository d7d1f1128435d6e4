"""A gateway that is to take no new clients: what it hears, and what others see."""

from __future__ import annotations

from moorage.errors import Code
from moorage.ids import GatewayId
from scheduler.policy import SchedulerPolicy
from scheduler.values import Done, GatewayCordoned, GatewayView, Refused, Usage
from tests.scheduler.builders import FAR, NEAR, a_request, a_worker
from tests.scheduler.world import World


async def seen(world: World, gateway: GatewayId) -> GatewayView:
    [view] = [view for view in await world.store.gateways() if view.gateway == gateway]
    return view


async def test_a_gateway_hears_its_cordon_and_its_end_once(world: World) -> None:
    for is_cordoned in (True, True, False, False):
        assert await world.store.cordon_gateway(NEAR, is_cordoned=is_cordoned) == Done()

    assert await world.heard(NEAR) == [GatewayCordoned(True), GatewayCordoned(False)]
    assert await world.heard(FAR) == []


async def test_clients_are_sent_to_gateways_that_take_them(world: World) -> None:
    await world.store.cordon_gateway(NEAR, is_cordoned=True)
    while_cordoned = await world.store.nodes()
    await world.store.cordon_gateway(NEAR, is_cordoned=False)

    assert list(while_cordoned) == [FAR]
    assert set(await world.store.nodes()) == {NEAR, FAR}


async def test_a_gateway_that_joins_again_is_still_cordoned(world: World) -> None:
    await world.store.cordon_gateway(NEAR, is_cordoned=True)

    await world.store.join(NEAR, "wss://elsewhere")

    view = await seen(world, NEAR)
    assert (view.is_cordoned, view.node) == (True, "wss://elsewhere")


async def test_a_view_counts_the_sessions_that_are_attached_through_each_gateway_or_about_to_be(world: World) -> None:
    await world.worker(a_worker())
    await world.claimed(a_request(gateway=NEAR, now=world.now))
    gone = await world.attach(gateway=NEAR)
    await world.store.suspend(gone.session, gone.fence, Usage(), is_worker_lost=False)
    moved = await world.attach(gateway=NEAR)
    await world.attach(moved.session, gateway=FAR)

    views = {view.gateway: view for view in await world.store.gateways()}

    assert views[NEAR] == GatewayView(NEAR, f"wss://{NEAR}", 1, is_cordoned=False, is_live=True)
    assert views[FAR] == GatewayView(FAR, f"wss://{FAR}", 1, is_cordoned=False, is_live=True)


async def test_a_gateway_that_fell_silent_is_shown_as_such(world: World) -> None:
    await world.worker(a_worker())
    await world.attach(gateway=NEAR)
    world.renewing.discard(NEAR)

    await world.advance(SchedulerPolicy().gateway_lost_after + 1)

    view = await seen(world, NEAR)
    assert (view.is_live, view.sessions) == (False, 1)


async def test_a_gateway_that_left_is_not_shown(world: World) -> None:
    await world.store.leave(FAR)

    assert [view.gateway for view in await world.store.gateways()] == [NEAR]


async def test_an_unknown_gateway_is_refused(world: World) -> None:
    answer = await world.store.cordon_gateway(GatewayId("gtw_none"), is_cordoned=True)

    assert isinstance(answer, Refused)
    assert answer.code is Code.NOT_FOUND
