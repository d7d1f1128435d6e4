"""A gateway that is cut off from the store, and the workers whose links end there: they are heard through another one."""

from __future__ import annotations

import asyncio
from time import monotonic

import moorage
from moorage.deadlines import SUSPECT_AFTER, WORKER_LOST_AFTER
from moorage.dialout import ADDRESS
from scheduler.values import ClaimState, SessionView, WorkerState
from tests.flows.fleet import Fleet, MakeFleet, Member, in_step
from tests.flows.places import AWAY_IN_EVERY_WAY, ON_EVERY_STORE
from tests.flows.system import SOON, until

REGISTRATIONS = "moorage_gateway_link_registrations_total"
WELL = {WorkerState.SERVING}


def linked_at(fleet: Fleet, worker: moorage.Worker) -> Member:
    """Where its link ends."""
    return next(member for member in fleet.members if worker.worker_id in member.gateway._links._links)


async def states(fleet: Fleet, worker: moorage.Worker, seconds: float) -> set[WorkerState | None]:
    """What the store took it for, for so long."""
    seen: set[WorkerState | None] = set()
    end = monotonic() + seconds
    assert worker.worker_id is not None
    while monotonic() < end:
        view = await fleet.truth.worker(worker.worker_id)
        seen.add(None if view is None else view.state)
        await asyncio.sleep(0.05)
    return seen


async def heard_again(fleet: Fleet, worker: moorage.Worker, not_at: Member) -> None:
    """Waits until its link ends elsewhere."""

    def has_moved() -> bool:
        return any(worker.worker_id in each.gateway._links._links for each in fleet.members if each is not not_at)

    await until(has_moved)


@ON_EVERY_STORE
async def test_a_worker_linked_to_a_gateway_that_is_cut_off_stays_well_and_keeps_its_sessions(
    a_fleet: MakeFleet,
) -> None:
    async with a_fleet() as fleet, fleet.worker() as worker:
        there = linked_at(fleet, worker)
        async with fleet.plain(0, at=fleet.members.index(there)) as client:
            there.reach.cut()
            seen = await states(fleet, worker, WORKER_LOST_AFTER + 1.0)
            await client.send("through the gateway that is cut off")
            heard = await client.recv()
            moved_to = linked_at(fleet, worker)
            there.reach.mend()
            await in_step(fleet)
            seen |= await states(fleet, worker, 1.0)
            session = await fleet.session()
            types = [event.type for event in await fleet.events(0)]

            assert seen == WELL
            assert moved_to is not there
            assert linked_at(fleet, worker) is moved_to
            assert heard == "through the gateway that is cut off"
            assert isinstance(session, SessionView)
            assert session.state is ClaimState.HELD
            assert types == ["session.started"]


@ON_EVERY_STORE
async def test_its_orders_come_over_the_new_link(a_fleet: MakeFleet) -> None:
    async with a_fleet() as fleet, fleet.worker(address=ADDRESS) as worker:
        there = linked_at(fleet, worker)
        elsewhere = 1 - fleet.members.index(there)
        there.reach.cut()
        await heard_again(fleet, worker, there)
        async with fleet.plain(0, at=elsewhere) as client:  # asked to dial over its link
            await client.send("there you are")
            heard = await client.recv()
            there.reach.mend()
            await in_step(fleet)
            async with fleet.plain(1, at=fleet.members.index(there)) as other:
                await other.send("and here")

                assert heard == "there you are"
                assert await other.recv() == "and here"


@AWAY_IN_EVERY_WAY
async def test_a_store_that_is_away_for_all_draws_few_tries_and_cuts_nobody(a_fleet: MakeFleet) -> None:
    async with a_fleet(gateways=3) as fleet, fleet.worker() as worker, fleet.plain() as client:
        fleet.place.go_away()
        end = monotonic() + SUSPECT_AFTER + 1.0
        while monotonic() < end:
            await client.send("on")
            assert await asyncio.wait_for(client.recv(), SOON) == "on"
            await asyncio.sleep(0.05)
        refused = sum(each.metric(REGISTRATIONS, result="STORE_UNAVAILABLE") for each in fleet.members)
        await fleet.place.come_back()
        await in_step(fleet)
        seen = await states(fleet, worker, 2.0)
        await client.send("still here")

        assert refused <= 12  # five, and what a machine without a moment's time for the link's thread adds
        assert WorkerState.LOST not in seen
        assert await client.recv() == "still here"
        assert [event.type for event in await fleet.events(0)] == ["session.started"]


@ON_EVERY_STORE
async def test_a_worker_that_leaves_after_it_moved_is_gone_and_one_that_moved_back_is_not(a_fleet: MakeFleet) -> None:
    async with a_fleet() as fleet:
        async with fleet.worker() as worker:
            for _ in range(2):
                there = linked_at(fleet, worker)
                there.reach.cut()
                await heard_again(fleet, worker, there)
                there.reach.mend()
                await in_step(fleet)
            seen = await states(fleet, worker, 0.5)
            worker_id = worker.worker_id
        assert worker_id is not None

        assert seen == WELL
        assert await fleet.truth.worker(worker_id) is None
