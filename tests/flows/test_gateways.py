"""Sessions across gateways: one that is lost, duplicates, limits, a restart of all of them."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import AsyncExitStack, suppress

import pytest
from websockets.exceptions import InvalidStatus

import moorage
from gateway.io import app
from gateway.policy import GatewayPolicy
from moorage.errors import Retryable
from moorage.tokens import TokenLimits
from scheduler.values import ClaimState, Duplicates, SessionView, Usage
from tests.builders import a_session, a_token
from tests.flows.fleet import Fleet, MakeFleet, in_step
from tests.flows.places import ON_EVERY_STORE
from tests.flows.system import SOON, closed, until

pytestmark = ON_EVERY_STORE


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_FLUSH_SECONDS", 0.2)


async def test_a_client_of_a_killed_gateway_comes_back_through_another_to_the_same_handler(a_fleet: MakeFleet) -> None:
    handlers: list[str] = []

    async def count(session: moorage.Session) -> None:
        handlers.append(session.id)
        async for message in session:
            await session.send(f"{session.attaches}:{message!s}")

    async with a_fleet() as fleet, fleet.worker(count) as worker, fleet.client() as ws:
        await ws.send("one")
        first = await ws.recv()
        await fleet.members[0].kill()
        await ws.send("two")
        second = await asyncio.wait_for(ws.recv(), SOON)
        seen = await fleet.session()
        types = [event.type for event in await fleet.events(0)]

        assert (first, second) == ("1:one", "2:two")
        assert handlers == [a_session(0)]
        assert worker.in_use == 1
        assert isinstance(seen, SessionView)
        assert (seen.state, seen.gateway) == (ClaimState.HELD, fleet.members[1].gateway.id)
        assert "session.ended" not in types


async def test_a_later_connection_at_another_gateway_replaces_the_older_one(a_fleet: MakeFleet) -> None:
    async with (
        a_fleet() as fleet,
        fleet.worker() as worker,
        fleet.plain(0, at=0) as older,
        fleet.plain(0, at=1) as newer,
    ):
        told = await closed(older)
        await newer.send("mine")
        heard = await newer.recv()

        assert told[0] == 4409
        assert heard == "mine"
        assert worker.in_use == 1


async def test_reject_keeps_the_older_connection_at_another_gateway_while_it_lives(a_fleet: MakeFleet) -> None:
    async with a_fleet(policy=GatewayPolicy(duplicates=Duplicates.REJECT)) as fleet, fleet.worker():
        async with fleet.plain(0, at=0) as older:
            with pytest.raises(InvalidStatus) as refused:
                async with fleet.plain(0, at=1):
                    pass
            await older.send("still mine")

            assert await older.recv() == "still mine"
        assert json.loads(refused.value.response.body)["code"] == "SESSION_SUPERSEDED"


async def test_reject_gives_way_when_the_older_connections_gateway_is_dead(a_fleet: MakeFleet) -> None:
    policy = GatewayPolicy(duplicates=Duplicates.REJECT)
    async with a_fleet(policy=policy) as fleet, fleet.worker(), fleet.plain(0, at=0) as older:
        await fleet.members[0].kill()
        async with fleet.plain(0, at=1) as newer:
            await newer.send("mine now")

            assert await asyncio.wait_for(newer.recv(), SOON) == "mine now"
        assert (await closed(older))[0] == 1006


async def test_limits_hold_across_gateways(a_fleet: MakeFleet) -> None:
    limits = TokenLimits(sessions_per_user=1)
    async with a_fleet() as fleet, fleet.worker(), fleet.plain(0, at=0, limits=limits):
        with pytest.raises(InvalidStatus) as refused:
            async with fleet.plain(1, at=1, limits=limits, user=a_token(0).user):
                pass

    assert json.loads(refused.value.response.body)["code"] == "SESSION_LIMIT_EXCEEDED"


async def test_a_gateway_that_was_away_lets_go_of_what_others_took_over(a_fleet: MakeFleet) -> None:
    async with a_fleet() as fleet, fleet.worker() as worker, fleet.plain(0, at=0) as older:
        member = fleet.members[0]
        fence = next(iter(member.gateway._attachments)).fence
        member.reach.cut()
        await until(lambda: not member.metric("moorage_gateway_in_step"))
        async with fleet.plain(0, at=1) as newer:
            told = await closed(older)
            member.reach.mend()
            await in_step(fleet)
            await until(lambda: member.metric("moorage_gateway_reports_pending") == 0)
            late = await fleet.truth.suspend(a_session(0), fence, Usage(), is_worker_lost=False)
            await newer.send("mine")
            heard = await newer.recv()
            seen = await fleet.session()

            assert told[0] == 4409  # the worker replaced its socket
            assert heard == "mine"
            assert getattr(late, "fence", None) == getattr(seen, "fence", 0) > fence
            assert getattr(seen, "state", None) is ClaimState.HELD
            assert worker.in_use == 1


async def _let_in(stack: AsyncExitStack, fleet: Fleet, number: int) -> moorage.Connection:
    """Comes again where it was refused: a machine that stops for three seconds makes the only worker unreachable."""
    async with asyncio.timeout(SOON):
        while True:
            with suppress(Retryable):
                return await stack.enter_async_context(fleet.client(number, number % 3))
            await asyncio.sleep(0.1)


async def _comes_back(ws: moorage.Connection, said: str) -> bool:
    """False once its connection was replaced, and after a time in which that would have been done."""
    attaches, deadline = ws.attaches, asyncio.get_running_loop().time() + SOON
    while ws.attaches == attaches and asyncio.get_running_loop().time() < deadline:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while await ws.recv() != said:
                    pass
                return True
    return False


@pytest.mark.slow
async def test_a_restart_of_all_gateways_ends_no_session_and_tells_everybody(
    a_fleet: MakeFleet, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "moorage.client")
    clients, heard, lost = 50, [0] * 50, []
    stop = asyncio.Event()

    async def converse(number: int, ws: moorage.Connection) -> None:
        """A message that is not answered was lost; that may be only with its connection."""
        said = 0
        while not stop.is_set():
            attaches, said = ws.attaches, said + 1
            await ws.send(f"{number}:{said}")
            if await _comes_back(ws, f"{number}:{said}"):
                heard[number] += 1
            elif ws.attaches == attaches:
                lost.append((number, said))
            await asyncio.sleep(0.05)

    async with (
        a_fleet(3, GatewayPolicy(drain_seconds=0.5)) as fleet,
        fleet.worker() as worker,
        AsyncExitStack() as stack,
    ):
        opened = [await _let_in(stack, fleet, number) for number in range(clients)]
        talking = [asyncio.create_task(converse(number, ws)) for number, ws in enumerate(opened)]
        before = list(heard)
        for member in fleet.members:
            await member.restart()
            await until(lambda member=member: member.gateway.is_ready)  # type: ignore[misc]
        await until(lambda: all(ws.is_connected for ws in opened))
        now = list(heard)
        await until(lambda: all(later > earlier for later, earlier in zip(heard, now, strict=True)))
        stop.set()
        await asyncio.wait_for(asyncio.gather(*talking), 2 * SOON)  # one of them may wait for what was lost
        ended = [event for event in await fleet.truth.events("test", 100_000, 0) if event.type == "session.ended"]
        in_use = worker.in_use

    told = [record.getMessage() for record in caplog.records if "connection lost" in record.getMessage()]
    assert ended == []
    assert lost == []
    assert in_use == clients
    assert all(later > earlier for later, earlier in zip(now, before, strict=True))
    assert len(told) >= clients
    assert [line for line in told if "DRAINING" not in line] == []
