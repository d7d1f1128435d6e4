"""A client comes back to a worker that is gone, and no other has room: it waits in the queue as a new one would."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Origin

from gateway.policy import GatewayPolicy
from moorage.errors import Code
from scheduler.values import ClaimState, WorkerState
from tests.builders import a_session
from tests.flows.lines import entered, in_line, out_of_line
from tests.flows.places import ON_EVERY_STORE
from tests.flows.system import SOON, MakeSystem, RealWorker, System, closed, until

pytestmark = ON_EVERY_STORE


async def cut_off(system: System, worker: RealWorker, number: int = 0) -> None:
    """It had a session, and dies."""
    async with system.connect(number) as client:
        await client.send("hello")
        await client.recv()
        worker.kill()
        assert (await closed(client))[0] == 4502
    await system.settled(number, ClaimState.SUSPENDED)


async def test_the_last_worker_dies_and_the_client_is_the_first_on_the_next_one(system: System) -> None:
    dead = await system.worker(slots=1)
    await cut_off(system, dead)

    back = asyncio.create_task(entered(system, 0))
    place = await in_line(system.truth, 0)
    new = asyncio.create_task(entered(system, 1))
    await in_line(system.truth, 1)
    next_one = await system.worker(slots=1)
    client = await asyncio.wait_for(back, SOON)
    await client.send("I am back")

    assert await client.recv() == "I am back"
    assert place.position == 1
    assert next_one.header("Moorage-Session") == [a_session(0)]
    assert not new.done()
    await client.close()
    await (await asyncio.wait_for(new, SOON)).close()
    assert system.metric("moorage_gateway_refusals_total", code="NO_CAPACITY") == 0
    assert system.metric("moorage_gateway_dial_failures_total", why="connect") == 1
    assert system.metric("moorage_gateway_queue_seconds_count") == 2


async def test_a_slot_of_another_worker_that_comes_free_is_its_own(system: System) -> None:
    dead = await system.worker(slots=1)
    await cut_off(system, dead)
    other = await system.worker(slots=1)
    async with system.connect(1) as busy:
        back = asyncio.create_task(entered(system, 0))
        await in_line(system.truth, 0)
        await busy.close()
    client = await asyncio.wait_for(back, SOON)

    assert len(other.requests) == 2
    await client.close()


async def test_its_wait_ends_at_the_deadline_of_any_other(a_system: MakeSystem) -> None:
    async with a_system(GatewayPolicy(wait_seconds=0.5)) as system:
        dead = await system.worker(slots=1)
        await cut_off(system, dead)

        with pytest.raises(InvalidStatus) as refused:
            await entered(system, 0)
        async with system.connect(0, origin=Origin("https://a.example")) as browser:
            closing = await closed(browser)

        assert (await system.settled(0, ClaimState.SUSPENDED)) is not None
    problem = json.loads(refused.value.response.body)
    assert (refused.value.response.status_code, problem["code"]) == (503, "ADMISSION_TIMEOUT")
    assert closing[0] == 4408


async def test_where_nobody_waits_it_is_refused_at_once(a_system: MakeSystem) -> None:
    async with a_system(GatewayPolicy(wait_seconds=0.0)) as system:
        dead = await system.worker(slots=1)
        await cut_off(system, dead)

        with pytest.raises(InvalidStatus) as refused:
            await entered(system, 0)

    assert json.loads(refused.value.response.body)["code"] == "NO_CAPACITY"


async def test_a_worker_that_only_had_no_room_a_moment_ago_gets_it_back(system: System) -> None:
    asked = 0

    def full_once(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal asked
        asked += 1
        return connection.respond(503, "") if asked == 2 else None

    worker = await system.worker(slots=1, answer=full_once)
    async with system.connect(0) as client:
        client.transport.abort()
    await system.settled(0, ClaimState.SUSPENDED)

    back = asyncio.create_task(entered(system, 0))
    await in_line(system.truth, 0)
    client = await asyncio.wait_for(back, SOON)
    await client.send("again")

    assert await client.recv() == "again"
    assert len(worker.requests) == 3
    await client.close()


async def test_who_goes_while_it_waits_leaves_the_queue_and_a_session_to_resume(system: System) -> None:
    dead = await system.worker(slots=1)
    await cut_off(system, dead)
    back = asyncio.create_task(entered(system, 0))
    await in_line(system.truth, 0)

    back.cancel()

    await out_of_line(system.truth, 0)
    await system.settled(0, ClaimState.SUSPENDED)


async def test_all_clients_of_a_dead_worker_wait_and_come_back_in_their_order(system: System) -> None:
    dead = await system.worker(slots=4)
    clients = [await entered(system, number) for number in range(4)]
    dead.kill()
    for client in clients:
        await closed(client)
    waiting = []
    for number in range(4):
        await system.settled(number, ClaimState.SUSPENDED)
        waiting.append(asyncio.create_task(entered(system, number)))
        await in_line(system.truth, number)

    first = await system.worker(slots=2)
    await until(lambda: len(first.requests) == 2)
    second = await system.worker(slots=2)
    back = await asyncio.wait_for(asyncio.gather(*waiting), SOON)

    assert [request.headers["Moorage-Session"] for request in first.requests] == [a_session(0), a_session(1)]
    assert len(second.requests) == 2
    suspect = await system.truth.worker(dead.id)
    assert suspect is None or suspect.state in (WorkerState.SUSPECT, WorkerState.LOST)
    assert system.metric("moorage_gateway_refusals_total", code=Code.NO_CAPACITY.value) == 0
    for client in back:
        await client.close()
