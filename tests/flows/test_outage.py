"""A store that is away: live relays go on, nothing new is placed, nothing is lost, and what is live is adopted when it is back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from gateway.policy import GatewayPolicy
from moorage.errors import Code
from scheduler.values import ClaimState, End, Outcome
from tests.builders import a_session
from tests.flows.fleet import Fleet, MakeFleet, Member
from tests.flows.lines import in_line
from tests.flows.places import AWAY_IN_EVERY_WAY, ON_EVERY_STORE
from tests.flows.system import SOON, MakeSystem, System, closed, until
from tests.owntime import within


@pytest.fixture
async def system(a_system: MakeSystem) -> AsyncIterator[System]:
    async with a_system(GatewayPolicy(checkpoint_seconds=1)) as system:
        yield system


@AWAY_IN_EVERY_WAY
async def test_relays_go_on_and_placements_are_refused_until_it_is_back(system: System) -> None:
    await system.worker()
    async with system.connect(0) as client:
        system.place.go_away()
        refusing = asyncio.create_task(_refused_by(system, 1))
        heard = set()
        while not refusing.done():
            await client.send("on")
            heard.add(await within(0.5, client.recv()))
            await asyncio.sleep(0.01)
        await system.place.come_back()
        await until(lambda: system.metric("moorage_gateway_in_step"))
        async with system.connect(2) as later:
            await later.send("back")
            heard_later = await later.recv()

    assert (heard, heard_later) == ({"on"}, "back")
    assert await refusing == (503, "STORE_UNAVAILABLE")


@AWAY_IN_EVERY_WAY
@pytest.mark.parametrize("step", ["claim", "confirm", "move"])
async def test_an_outage_at_any_step_of_an_attach_is_told_as_such(system: System, step: str) -> None:
    if step == "move":
        await system.register(1)  # nobody listens there
    else:
        await system.worker()
    asked = getattr(system.store, step)

    async def away(*args: Any) -> Any:
        system.place.go_away()
        return await asked(*args)

    setattr(system.store, step, away)
    refused = await _refused_by(system, 0)
    delattr(system.store, step)
    await system.place.come_back()
    await until(lambda: system.metric("moorage_gateway_in_step"))
    await system.reported()

    assert refused == (503, "STORE_UNAVAILABLE")
    assert await system.truth.queue(a_session(0)) is None
    assert [worker.reserved + worker.held for worker in await system.truth.workers()] == [0]


@AWAY_IN_EVERY_WAY
async def test_what_ended_meanwhile_is_reported_when_it_is_back(system: System) -> None:
    await system.worker()
    async with system.connect() as client:
        await client.send("hello")
        await client.recv()
        system.place.go_away()
        await client.close()
    await until(lambda: system.metric("moorage_gateway_store_retries_total") > 0)
    pending = system.metric("moorage_gateway_reports_pending")
    await system.place.come_back()
    record = await system.settled(0, Outcome.COMPLETED)

    assert pending == 1
    assert record.usage.messages_in == 1
    assert not getattr(record, "is_estimated", True)


@ON_EVERY_STORE
async def test_what_is_live_is_adopted_and_what_was_given_away_is_let_go(system: System) -> None:
    await system.worker()
    async with system.connect(0) as kept, system.connect(1) as ended:
        system.reach.cut()
        await system.truth.end(End(a_session(1), Outcome.COMPLETED, Code.SESSION_ENDED, "meanwhile", "api"))
        await until(lambda: not system.metric("moorage_gateway_in_step"))
        system.reach.mend()
        refused = await closed(ended)
        await kept.send("kept")
        heard = await kept.recv()

    assert heard == "kept"
    assert refused[0] == 4410


@AWAY_IN_EVERY_WAY
async def test_sessions_of_a_gateway_that_was_away_stay_held(system: System) -> None:
    await system.worker()
    async with system.connect(0) as client:
        system.place.go_away()
        await until(lambda: not system.metric("moorage_gateway_in_step"))
        await system.place.come_back()
        await until(lambda: system.metric("moorage_gateway_in_step"))
        seen = await system.session(0)
        await client.send("still here")
        heard = await client.recv()

    assert getattr(seen, "state", None) is ClaimState.HELD
    assert heard == "still here"


@ON_EVERY_STORE
async def test_a_gateway_starts_without_the_store_and_is_ready_when_it_comes(a_fleet: MakeFleet) -> None:
    async with a_fleet(0) as fleet:
        member = await Member(GatewayPolicy(port=0, link_port=0), fleet.place).connect()
        member.reach.cut()
        fleet.members.append(await member.start())
        before = member.gateway.is_ready
        with pytest.raises(InvalidStatus) as refused:
            async with fleet.plain():
                pass
        member.reach.mend()
        await until(lambda: member.gateway.is_ready)
        async with fleet.worker(), fleet.plain() as client:
            await client.send("at last")
            heard = await client.recv()

    assert not before
    assert json.loads(refused.value.response.body)["code"] == "STORE_UNAVAILABLE"
    assert heard == "at last"


@ON_EVERY_STORE
async def test_who_waits_in_a_queue_that_is_lost_hears_so_at_once(a_fleet: MakeFleet) -> None:
    async with a_fleet(1, adoption_seconds=2.0) as fleet, fleet.worker(slots=1), fleet.plain(0):
        waiting = asyncio.create_task(_refused(fleet, 1))
        await in_line(fleet.truth, 1)
        await fleet.lose_the_data()

        assert await within(2.0, waiting) == "STORE_UNAVAILABLE"


@ON_EVERY_STORE
async def test_a_grant_whose_notice_was_lost_is_asked_for_again(a_fleet: MakeFleet) -> None:
    async with a_fleet(1) as fleet, fleet.worker(slots=1), fleet.plain(0) as first:
        waiting = asyncio.create_task(_served(fleet, 1))
        await in_line(fleet.truth, 1)
        fleet.members[0].reach.cut()
        await fleet.truth.end(End(a_session(0), Outcome.COMPLETED, Code.SESSION_ENDED, "meanwhile", "api"))
        granted = await fleet.truth.session(a_session(1))
        fleet.members[0].reach.mend()

        assert await asyncio.wait_for(waiting, SOON) == "served"
        assert (await closed(first))[0] == 4410
    assert getattr(granted, "state", None) is ClaimState.RESERVED


async def _served(fleet: Fleet, number: int) -> str | bytes:
    async with fleet.plain(number) as client:
        await client.send("served")
        return await client.recv()


async def _refused(fleet: Fleet, number: int) -> str:
    with pytest.raises(InvalidStatus) as refused:
        await _served(fleet, number)
    return str(json.loads(refused.value.response.body)["code"])


async def _refused_by(system: System, number: int) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused:
        async with system.connect(number):
            pass
    return refused.value.response.status_code, str(json.loads(refused.value.response.body)["code"])
