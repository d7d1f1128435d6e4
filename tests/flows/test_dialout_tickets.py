"""Tickets of workers that dial out: bad, late, replayed and misplaced ones are refused, and the slot is free again at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from ipaddress import ip_network

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from gateway.io import arrivals, dial
from gateway.policy import GatewayPolicy, Handshakes, Trust
from gateway.tickets import Strikes
from moorage.deadlines import DIAL
from moorage.ids import WorkerId
from scheduler.values import ClaimState, Directive, WorkerState
from tests.builders import a_session
from tests.connections import a_connection, connections
from tests.flows.outgoers import Outgoer, an_outgoer, answer, head, switching
from tests.flows.system import SOON, System, until

AT_ONCE = DIAL - 0.5  # a refusal that waits for the worker until the deadline comes later


@pytest.fixture
async def system(wire: str) -> AsyncIterator[System]:
    async with System(GatewayPolicy(wire=wire)) as system:
        yield system


async def enters(system: System, number: int = 0) -> str:
    """What becomes of a client: what comes back, or the code it was refused with."""
    try:
        async with system.connect(number, open_timeout=SOON) as client:
            await client.send("served")
            return str(await client.recv())
    except InvalidStatus as refused:
        return str(json.loads(refused.response.body)["code"])


async def slots_used_are_live_claims(system: System) -> bool:
    await system.reported()
    used = sum(worker.used for worker in await system.store.workers())
    return used == len(await system.store.sessions())


def code_of(said: bytes) -> tuple[int, str]:
    start, _, body = said.partition(b"\r\n\r\n")
    return int(start[9:12]), json.loads(body)["code"]


async def test_a_bad_ticket_is_refused_and_the_next_candidate_is_taken_at_once(system: System) -> None:
    async with an_outgoer(system, slots=1) as outgoer:
        entering = asyncio.create_task(enters(system))
        order = await outgoer.order()
        good = await system.worker()
        reader, _ = await outgoer.show(order, ticket="x" * 32)

        assert code_of(await answer(reader)) == (401, "INVALID_TICKET")
        assert await asyncio.wait_for(entering, AT_ONCE) == "served"
        assert len(good.requests) == 1
        assert await slots_used_are_live_claims(system)
    assert system.metric("moorage_gateway_arrivals_total", result="wrong") == 1
    assert system.metric("moorage_gateway_dial_failures_total", why="ticket") == 1


async def test_without_another_candidate_the_client_hears_it_at_once_and_the_slot_is_free(system: System) -> None:
    async with an_outgoer(system) as outgoer:
        entering = asyncio.create_task(enters(system))
        await outgoer.show(await outgoer.order(), ticket="x" * 32)

        assert await asyncio.wait_for(entering, AT_ONCE) == "NO_CAPACITY"
        assert await slots_used_are_live_claims(system)
        assert await system.session() is None


async def test_a_ticket_of_another_session_is_spent_and_both_attaches_fail(system: System) -> None:
    async with an_outgoer(system) as outgoer:
        entering = [asyncio.create_task(enters(system, number)) for number in (0, 1)]
        one, two = await outgoer.order(), await outgoer.order()
        reader, _ = await outgoer.show(one, outgoer.attach(two))
        said = code_of(await answer(reader))
        again, _ = await outgoer.show(one)
        spent = code_of(await answer(again))
        await outgoer.show(two, ticket="y" * 32)

        assert (said, spent) == ((401, "INVALID_TICKET"), (401, "INVALID_TICKET"))
        assert [await asyncio.wait_for(each, AT_ONCE) for each in entering] == ["NO_CAPACITY"] * 2
        assert await slots_used_are_live_claims(system)
    assert system.metric("moorage_gateway_arrivals_total", result="misplaced") == 1
    assert system.metric("moorage_gateway_arrivals_total", result="spent") == 1


@pytest.mark.parametrize("change", ["worker", "fence"])
async def test_a_ticket_of_another_worker_or_fence_is_misplaced(system: System, change: str) -> None:
    async with an_outgoer(system) as outgoer:
        entering = asyncio.create_task(enters(system))
        order = await outgoer.order()
        attach = outgoer.attach(order)
        changed = {"worker": WorkerId("wrk_other")} if change == "worker" else {"fence": attach.fence + 1}
        reader, _ = await outgoer.show(order, attach._replace(**changed))

        assert code_of(await answer(reader)) == (401, "INVALID_TICKET")
        assert await asyncio.wait_for(entering, AT_ONCE) == "NO_CAPACITY"
        assert await slots_used_are_live_claims(system)


async def test_a_replayed_ticket_is_refused_and_disturbs_nobody(system: System) -> None:
    async with an_outgoer(system) as outgoer:
        connecting = asyncio.create_task(_entered(system))
        order = await outgoer.order()
        reader, writer = await outgoer.show(order)
        assert (await head(reader)).startswith(b"HTTP/1.1 101 ")
        replayed, _ = await outgoer.show(order)
        assert code_of(await answer(replayed)) == (401, "INVALID_TICKET")
        writer.write(switching(await head(reader)))
        client = await connecting
        again, _ = await outgoer.show(order)

        assert code_of(await answer(again)) == (401, "INVALID_TICKET")
        writer.write(b"\x81\x02ok")
        assert await client.recv() == "ok"
        assert await slots_used_are_live_claims(system)
        await client.close()
    assert system.metric("moorage_gateway_arrivals_total", result="spent") == 2


async def _entered(system: System) -> ClientConnection:
    return await system.connect()


async def test_a_worker_that_never_dials_is_passed_over_in_time_and_its_ticket_is_late(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "DIAL", 0.3)
    async with an_outgoer(system, slots=1) as outgoer:
        entering = asyncio.create_task(enters(system))
        order = await outgoer.order()
        await system.worker()

        assert await asyncio.wait_for(entering, SOON) == "served"
        reader, _ = await outgoer.show(order)
        assert code_of(await answer(reader)) == (401, "INVALID_TICKET")
        assert await slots_used_are_live_claims(system)
    assert system.metric("moorage_gateway_dial_failures_total", why="timeout") == 1
    assert system.metric("moorage_gateway_arrivals_total", result="late") == 1


async def test_a_worker_that_takes_the_ticket_and_falls_silent_is_passed_over(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "DIAL", 0.5)
    async with an_outgoer(system, slots=1) as outgoer:
        entering = asyncio.create_task(enters(system))
        order = await outgoer.order()
        await system.worker()
        reader, _ = await outgoer.show(order)
        await head(reader)

        assert await asyncio.wait_for(entering, SOON) == "served"
        assert b"Moorage-Claim" in await answer(reader)
        assert await slots_used_are_live_claims(system)


async def test_garbage_pipelined_behind_the_ticket_is_no_answer(system: System) -> None:
    async with an_outgoer(system, slots=1) as outgoer:
        entering = asyncio.create_task(enters(system))
        order = await outgoer.order()
        await system.worker()
        _, writer = await outgoer.show(order)
        writer.write(b"SSH-2.0-x\r\n\r\n")

        assert await asyncio.wait_for(entering, SOON) == "served"
        assert await slots_used_are_live_claims(system)
    assert system.metric("moorage_gateway_dial_failures_total", why="garbage") == 1


async def test_a_client_that_leaves_meanwhile_leaves_no_slot_taken(system: System) -> None:
    async with an_outgoer(system) as outgoer:
        entering = asyncio.create_task(_entered(system))
        order = await outgoer.order()
        entering.cancel()
        await asyncio.gather(entering, return_exceptions=True)
        reader, writer = await outgoer.show(order)
        await head(reader)
        writer.write(switching(await head(reader)))

        await system.settled(0, ClaimState.SUSPENDED)
        assert system.gateway.sessions == 0
        assert await slots_used_are_live_claims(system)


async def test_three_sessions_that_a_worker_does_not_come_for_make_it_suspect(system: System) -> None:
    async with an_outgoer(system) as outgoer:
        for number in range(3):
            entering = asyncio.create_task(enters(system, number))
            await outgoer.show(await outgoer.order(), ticket="x" * 32)
            assert await asyncio.wait_for(entering, SOON) == "NO_CAPACITY"
        await system.reported()

        [view] = await system.store.workers()
        assert view.state is WorkerState.SUSPECT


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /attach HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /attach HTTP/1.1\r\nHost: x\r\nUpgrade: moorage-attach/9\r\nConnection: Upgrade\r\n\r\n",
        b"GET /attach HTTP/1.1\r\nHost: x\r\nUpgrade: moorage-attach/1\r\nConnection: Upgrade\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\r\n\r\n",
    ],
)
async def test_what_is_no_arrival_gets_a_typed_answer(system: System, said: bytes) -> None:
    async with a_connection(system.gateway.dialout_port) as (reader, writer):
        writer.write(said)

        assert code_of(await answer(reader)) == (400, "BAD_REQUEST")
    assert system.metric("moorage_gateway_arrivals_total", result="malformed") == 1


async def test_a_head_without_end_is_cut(system: System) -> None:
    async with a_connection(system.gateway.dialout_port) as (reader, writer):
        writer.write(b"GET /attach HTTP/1.1\r\nX: " + b"x" * 5000)

        assert code_of(await answer(reader)) == (431, "BAD_REQUEST")


async def test_slow_ones_are_bounded_and_cut_and_workers_still_get_in(
    wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "DIAL", 1.0)
    policy = GatewayPolicy(wire=wire, handshakes=Handshakes(in_progress=40, in_progress_per_address=20))
    async with System(policy) as system, connections(system.gateway.dialout_port, 30) as slow:
        for _, each in slow:
            each.write(b"GET /att")
        await until(lambda: system.metric("moorage_gateway_arrivals_total", result="full") == 10)
        await until(lambda: system.metric("moorage_gateway_arrivals_total", result="timeout") == 20)
        async with an_outgoer(system) as outgoer:
            connecting = asyncio.create_task(_entered(system))
            reader, writer = await outgoer.show(await outgoer.order())
            assert b" 101 " in await head(reader)
            writer.write(switching(await head(reader)))
            await (await connecting).close()


async def test_who_shows_too_many_bad_tickets_is_not_listened_to_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "Strikes", partial(Strikes, 0.1, 5))
    async with System() as system, an_outgoer(system) as outgoer:
        order = replace(await _an_order(system, outgoer), session=a_session(99))
        for _ in range(4):
            reader, _ = await outgoer.show(order, ticket="z" * 32)
            assert code_of(await answer(reader)) == (401, "INVALID_TICKET")
        reader, _ = await outgoer.show(order, ticket="z" * 32)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await head(reader)

    assert system.metric("moorage_gateway_arrivals_total", result="struck") == 1


async def _an_order(system: System, outgoer: Outgoer) -> Directive:
    entering = asyncio.create_task(enters(system))
    order = await outgoer.order()
    await outgoer.show(order, ticket="x" * 32)
    await entering
    return order


async def test_only_worker_networks_may_show_tickets() -> None:
    policy = GatewayPolicy(trust=Trust(worker_networks=(ip_network("10.0.0.0/8"),)))
    async with System(policy) as system:
        async with a_connection(system.gateway.dialout_port) as (reader, _):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await head(reader)

        assert system.metric("moorage_gateway_arrivals_total", result="outside") == 1
