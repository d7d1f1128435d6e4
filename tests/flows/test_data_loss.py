"""A store that comes back empty: relays never notice, every live session is in it again, and ends are told once."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from gateway.io import app
from gateway.policy import GatewayPolicy
from scheduler.values import ClaimState, Outcome, SessionView
from tests.builders import a_session
from tests.flows.fleet import Fleet, MakeFleet, in_step
from tests.flows.places import ON_EVERY_STORE
from tests.flows.system import SOON, until

pytestmark = ON_EVERY_STORE

WINDOW = 2.5


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_FLUSH_SECONDS", 0.2)


@pytest.mark.parametrize("away_seconds", [0.3, 0.0])
async def test_what_is_live_is_in_the_new_store_and_nothing_is_placed_over_it(
    a_fleet: MakeFleet, away_seconds: float
) -> None:
    async with (
        a_fleet(2, GatewayPolicy(checkpoint_seconds=1), adoption_seconds=WINDOW) as fleet,
        fleet.worker(slots=4) as worker,
        fleet.client(0, 0) as one,
        fleet.client(1, 1) as two,
    ):
        for ws in (one, two):
            await ws.send("before")
            await ws.recv()
        before = [await fleet.session(number) for number in (0, 1)]
        identity = worker.worker_id
        losing = asyncio.create_task(fleet.lose_the_data(away_seconds))
        while not losing.done():
            for ws in (one, two):
                await ws.send("during")
                assert await asyncio.wait_for(ws.recv(), SOON) == "during"
            await asyncio.sleep(0.01)
        await losing
        await fleet.is_known(identity)
        with pytest.raises(InvalidStatus) as refused:
            async with fleet.plain(2):
                pass
        after = [await fleet.settled(number, ClaimState.HELD) for number in (0, 1)]
        (view,) = await fleet.truth.workers()
        async with asyncio.timeout(SOON):
            late = await fleet.client(2)
        await late.close()

        assert refused.value.response.status_code == 503
        assert [_place(seen) for seen in after] == [_place(seen) for seen in before]
        assert [(seen.usage.messages_in > 1) for seen in after] == [True, True]
        assert (view.worker, view.used) == (identity, 2)
        assert (one.attaches, two.attaches) == (1, 1)
        assert worker.in_use >= 2
    for number in (0, 1):
        await _ended_once(fleet, number)


@pytest.mark.parametrize("away_seconds", [0.3, 0.0])
async def test_what_ended_while_the_store_was_away_is_told_to_the_new_one(
    a_fleet: MakeFleet, away_seconds: float
) -> None:
    async with a_fleet(1, adoption_seconds=WINDOW) as fleet, fleet.worker(slots=30), AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(fleet.client(number)) for number in range(20)]
        for ws in clients:
            await ws.send("hello")
            await ws.recv()
        if away_seconds:
            fleet.members[0].reach.cut()
        else:
            await fleet.lose_the_data(0.0)
        for ws in clients[:10]:
            await ws.close()
        if away_seconds:
            await fleet.lose_the_data()
            fleet.members[0].reach.mend()
        await in_step(fleet)
        await until(lambda: fleet.members[0].metric("moorage_gateway_reports_pending") == 0)

        for number in range(10):
            record = await fleet.settled(number, Outcome.COMPLETED)
            assert record.usage.messages_in == 1
        for number in range(10, 20):
            assert isinstance(await fleet.session(number), SessionView)
        (view,) = await fleet.truth.workers()
        assert view.used == 10
    for number in range(20):
        await _ended_once(fleet, number)


async def test_sessions_of_a_gateway_that_died_with_the_store_make_room_when_the_window_is_over(
    a_fleet: MakeFleet,
) -> None:
    async with (
        a_fleet(2, adoption_seconds=WINDOW) as fleet,
        fleet.worker(slots=2) as worker,
        fleet.plain(0, at=0),
        fleet.plain(1, at=1) as kept,
    ):
        dead = fleet.members.pop(0)
        await dead.kill()
        await fleet.lose_the_data()
        await fleet.is_known(worker.worker_id)
        used = [view.used for view in await fleet.truth.workers()]
        await until(lambda: worker.in_use == 1)
        await kept.send("kept")

        assert used == [2]
        assert await kept.recv() == "kept"
        assert [view.used for view in await fleet.truth.workers()] == [1]


async def test_a_first_connect_outlasts_a_store_whose_workers_are_not_back(a_fleet: MakeFleet) -> None:
    async with a_fleet(1, adoption_seconds=WINDOW) as fleet, asyncio.timeout(2 * SOON):
        connecting = asyncio.create_task(_heard(fleet))
        await until(lambda: fleet.members[0].metric("moorage_gateway_refusals_total", code="STORE_UNAVAILABLE") > 0)
        async with fleet.worker():
            heard = await connecting

    assert heard == "hello"


async def test_an_attach_that_the_loss_caught_is_no_session_taken_over(a_fleet: MakeFleet) -> None:
    async with a_fleet(1, adoption_seconds=0.0) as fleet, fleet.worker():
        store = fleet.members[0].reach.store
        confirmed = store.confirm

        async def confirm(*claim: Any) -> Any:
            await fleet.lose_the_data(0.0)
            return await confirmed(*claim)

        store.confirm = confirm  # type: ignore[method-assign, assignment]
        with pytest.raises(InvalidStatus) as refused:
            async with fleet.plain():
                pass
        del store.confirm

    assert json.loads(refused.value.response.body)["code"] == "STORE_UNAVAILABLE"


async def _heard(fleet: Fleet) -> Any:
    async with fleet.client() as ws:
        await ws.send("hello")
        return await ws.recv()


def _place(seen: object) -> tuple[object, ...]:
    assert isinstance(seen, SessionView)
    return seen.session, seen.worker, seen.gateway, seen.fence, seen.state


async def _ended_once(fleet: Fleet, number: int) -> None:
    types = [event.type for event in await fleet.events(number)]
    ends = [each for each in types if each == "session.ended"]
    assert len(ends) == 1, (a_session(number), types)
