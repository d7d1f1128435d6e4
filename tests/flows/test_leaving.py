"""A gateway that goes: readiness, refusals, sessions moved at a steady rate and resumable elsewhere, nothing lost."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from gateway.io.app import Gateway
from gateway.policy import GatewayPolicy
from scheduler.values import ClaimState
from tests.builders import KEYS, a_request, a_session
from tests.flows.lines import in_line
from tests.flows.places import ON_EVERY_STORE
from tests.flows.system import SOON, MakeSystem, System, closed, until

pytestmark = ON_EVERY_STORE


async def test_a_draining_gateway_refuses_new_clients_in_both_forms(system: System) -> None:
    await system.worker()
    await system.gateway.drain()

    with pytest.raises(InvalidStatus) as refused:
        async with system.connect():
            pass
    async with system.connect(1, origin=Origin("https://a.example")) as browser:
        code, reason = await closed(browser)

    assert not system.gateway.is_ready
    assert refused.value.response.status_code == 503
    assert json.loads(refused.value.response.body)["code"] == "DRAINING"
    assert "Retry-After" in refused.value.response.headers
    assert (code, json.loads(reason)["code"]) == (1012, "DRAINING")


async def test_a_cordoned_gateway_refuses_new_clients_keeps_those_it_has_and_takes_them_again(system: System) -> None:
    await system.worker()
    async with system.connect(0) as held:
        await system.store.cordon_gateway(system.gateway.id, is_cordoned=True)
        await until(lambda: not system.gateway.is_ready)
        with pytest.raises(InvalidStatus) as refused:
            async with system.connect(1):
                pass
        await held.send("still here")
        heard = await held.recv()
        await system.store.cordon_gateway(system.gateway.id, is_cordoned=False)
        await until(lambda: system.gateway.is_ready)
        async with system.connect(1) as client:
            await client.send("in")
            admitted = await client.recv()

    assert json.loads(refused.value.response.body)["code"] == "DRAINING"
    assert (heard, admitted) == ("still here", "in")


async def test_live_sessions_are_moved_at_a_steady_rate_and_stay_resumable(a_system: MakeSystem) -> None:
    async with a_system(GatewayPolicy(drain_seconds=1.0)) as system:
        await system.worker(slots=50)
        clients = [await system.connect(number) for number in range(20)]
        left_at: list[float] = []
        reasons: list[str] = []
        progress: list[float] = []

        async def note(client: ClientConnection) -> None:
            code, reason = await closed(client)
            assert code == 1012
            reasons.append(reason)
            left_at.append(time.monotonic())
            progress.append(system.metric("moorage_gateway_drain_sessions_left"))

        notes = [asyncio.create_task(note(client)) for client in clients]
        started = time.monotonic()
        await system.gateway.drain()
        await asyncio.gather(*notes)
        for number in range(20):
            await system.settled(number, ClaimState.SUSPENDED)

    assert progress == sorted(progress, reverse=True)
    assert progress[0] > 10
    assert progress[-1] == 0
    spread = sorted(moment - started for moment in left_at)
    assert spread[0] < 0.3
    assert 0.3 < spread[10] < 0.8
    assert 0.8 < spread[-1] < 1.5
    waits = [json.loads(reason)["retry_after"] for reason in reasons]
    assert len(set(waits)) > 15
    assert all(0.1 <= wait <= 1 for wait in waits)


async def test_a_session_goes_on_at_another_gateway(a_system: MakeSystem, system: System) -> None:
    async with a_system(system.policy) as other:
        await system.worker(slots=1)
        async with system.connect() as client:
            await client.send("here")
            await client.recv()
            draining = asyncio.create_task(system.gateway.drain())
            await closed(client)
        await draining
        token = system.token()
        async with other.connect(token=token) as client:
            await client.send("there")
            heard = await client.recv()
            seen = await system.session()

    assert heard == "there"
    assert seen is not None
    assert getattr(seen, "gateway", None) == other.gateway.id


async def test_who_waits_in_the_queue_is_sent_elsewhere(system: System) -> None:
    await system.worker(slots=1)
    async with system.connect(0):
        async with system.raw() as (reader, writer):
            writer.write(a_request(Authorization=f"Bearer {system.token(1)}"))
            await until(lambda: system.metric("moorage_gateway_handshakes") == 1)
            await in_line(system.truth, 1)
            draining = asyncio.create_task(system.gateway.drain())
            answer = await asyncio.wait_for(reader.read(), SOON)
            await system.reported()
            left = await system.truth.queue(a_session(1))
        await draining

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"DRAINING"' in answer
    assert left is None


async def test_a_gateway_that_closes_at_once_leaves_its_sessions_suspended(a_system: MakeSystem) -> None:
    system = a_system()
    async with system:
        await system.worker()
        client = await system.connect()
    seen = await system.session()
    await client.close()

    assert getattr(seen, "state", None) is ClaimState.SUSPENDED


async def test_a_taken_port_fails_the_start_and_leaves_nothing_open(system: System) -> None:
    policy = replace(system.gateway.policy, link_port=system.gateway.port)
    second = Gateway(replace(policy, port=0), system.store, lambda: KEYS, CollectorRegistry())

    with pytest.raises(OSError, match=str(system.gateway.port)):
        await second.start()
