"""The wait for a slot, before the 101: granted when one comes free, given up in time, undone when the client leaves."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from gateway.policy import GatewayPolicy, Handshakes
from tests.builders import a_request
from tests.flows.lines import entered, in_line, out_of_line
from tests.flows.places import ON_EVERY_STORE
from tests.flows.system import SOON, MakeSystem, System, closed

pytestmark = ON_EVERY_STORE


async def test_who_waits_gets_the_slot_that_comes_free(system: System) -> None:
    await system.worker(slots=1)
    async with system.connect(0) as first:
        waiting = asyncio.create_task(entered(system, 1))
        place = await in_line(system.truth, 1)
        await first.close()
    second = await asyncio.wait_for(waiting, SOON)
    await second.send("my turn")

    assert await second.recv() == "my turn"
    assert place.position == 1
    await second.close()
    assert system.metric("moorage_gateway_queue_seconds_count") == 1


async def test_who_waits_gets_a_new_workers_slot(system: System) -> None:
    await system.worker(slots=1)
    async with system.connect(0):
        waiting = asyncio.create_task(entered(system, 1))
        await in_line(system.truth, 1)
        second = await system.worker()
        client = await asyncio.wait_for(waiting, SOON)

    assert len(second.requests) == 1
    await client.close()


async def test_what_a_client_sends_while_it_waits_is_not_lost(system: System) -> None:
    await system.worker(slots=1)
    async with system.raw() as (reader, writer):
        async with system.connect(0):
            writer.write(a_request(Authorization=f"Bearer {system.token(1)}"))
            await in_line(system.truth, 1)
            writer.write(b"\x81\x85\0\0\0\0early")
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)

        assert await asyncio.wait_for(reader.readexactly(7), SOON) == b"\x81\x05early"


async def test_the_wait_has_a_deadline(a_system: MakeSystem) -> None:
    async with a_system(GatewayPolicy(wait_seconds=0.3)) as system:
        await system.worker(slots=1)
        async with system.connect(0):
            with pytest.raises(InvalidStatus) as refused:
                await entered(system, 1)
            async with system.connect(2, origin=Origin("https://a.example")) as browser:
                closing = await closed(browser)

    problem = json.loads(refused.value.response.body)
    assert (refused.value.response.status_code, problem["code"]) == (503, "ADMISSION_TIMEOUT")
    assert "Retry-After" in refused.value.response.headers
    assert closing[0] == 4408


async def test_a_client_that_leaves_the_queue_leaves_its_place(system: System) -> None:
    await system.worker(slots=1)
    async with system.connect(0) as first:
        async with system.raw() as (_, writer):
            writer.write(a_request(Authorization=f"Bearer {system.token(1)}"))
            await in_line(system.truth, 1)
        await out_of_line(system.truth, 1)
        await first.close()
    async with system.connect(2) as other:
        await other.send("free")

        assert await other.recv() == "free"


async def test_waiters_are_served_in_their_order(system: System) -> None:
    await system.worker(slots=1)
    order: list[int] = []

    async def once(number: int) -> None:
        async with system.connect(number):
            order.append(number)

    async with system.connect(0):
        waiting = []
        for number in (1, 2, 3):
            waiting.append(asyncio.create_task(once(number)))
            await in_line(system.truth, number)
    await asyncio.wait_for(asyncio.gather(*waiting), SOON)

    assert order == [1, 2, 3]


async def test_a_pool_that_nobody_serves_fails_at_once(system: System) -> None:
    await system.worker(pool="default")

    with pytest.raises(InvalidStatus) as refused:
        async with system.connect(said={"pools": ("gpu",)}):
            pass

    assert json.loads(refused.value.response.body)["code"] == "NO_CAPACITY"
    assert system.metric("moorage_gateway_queue_seconds_count") == 0


async def test_a_long_queue_does_not_keep_others_from_resuming(a_system: MakeSystem) -> None:
    async with a_system(GatewayPolicy(handshakes=Handshakes(in_progress=2))) as system:
        await system.worker(slots=1)
        async with contextlib.AsyncExitStack() as waiters:
            async with system.connect(0) as client:
                for number in (1, 2, 3, 4):
                    _, writer = await waiters.enter_async_context(system.raw())
                    writer.write(a_request(Authorization=f"Bearer {system.token(number)}"))
                    await in_line(system.truth, number)
                client.transport.abort()
            async with system.connect(0) as client:
                await client.send("back")

                assert await client.recv() == "back"
