"""Limits on what a session may send, hold and keep waiting; over both wires."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from gateway.policy import GatewayPolicy
from gateway.relay import Limits
from moorage.tokens import TokenLimits
from scheduler.values import ClaimState, Outcome
from tests.builders import a_request
from tests.flows.system import SOON, System, closed, echo, until


def a_policy(wire: str, **limits: Any) -> GatewayPolicy:
    return GatewayPolicy(wire=wire, limits=Limits(**limits))


async def flood(client: ClientConnection, messages: int, payload: str | bytes = "x") -> None:
    """Sends until it is closed."""
    try:
        for _ in range(messages):
            await client.send(payload)
    except ConnectionClosed:
        return


def code_in(reason: str) -> str:
    return str(json.loads(reason)["code"])


async def test_a_frame_over_the_limit_fails_the_session(wire: str) -> None:
    async with System(a_policy(wire, frame_bytes=1000)) as system:
        await system.worker()
        async with system.connect() as client:
            await client.send("x" * 1000)
            assert await client.recv() == "x" * 1000
            await client.send("x" * 1001)
            code, reason = await closed(client)
        await system.settled(0, Outcome.FAILED)

    assert (code, code_in(reason)) == (1009, "MESSAGE_TOO_BIG")


async def test_a_message_over_the_limit_in_small_frames_fails_the_session(wire: str) -> None:
    async with System(a_policy(wire, message_bytes=1000)) as system:
        await system.worker()
        async with system.connect() as client:
            await client.send(["x" * 600, "y" * 600])
            code, _ = await closed(client)

    assert code == 1009


async def test_a_worker_over_the_limit_fails_the_session_too(wire: str) -> None:
    async def shout(connection: ServerConnection) -> None:
        await connection.send("x" * 2000)
        await connection.wait_closed()

    async with System(a_policy(wire, frame_bytes=1000)) as system:
        await system.worker(shout)
        async with system.connect() as client:
            code, _ = await closed(client)
        await system.settled(0, Outcome.FAILED)

    assert code == 1009


async def test_messages_faster_than_allowed_end_the_connection_not_the_session(wire: str) -> None:
    async with System(a_policy(wire, messages_per_second=5, message_burst=10)) as system:
        await system.worker()
        async with system.connect() as client:
            await flood(client, 50)
            code, reason = await closed(client)
        await system.settled(0, ClaimState.SUSPENDED)

    assert (code, code_in(reason)) == (4429, "RATE_LIMIT_EXCEEDED")


async def test_a_token_narrows_the_limits(wire: str) -> None:
    async with System(GatewayPolicy(wire=wire)) as system:
        await system.worker()
        async with system.connect(said={"limits": TokenLimits(message_bytes=100)}) as client:
            await client.send("x" * 101)
            code, _ = await closed(client)

    assert code == 1009


async def test_a_sessions_bytes_are_those_of_all_its_connections(wire: str) -> None:
    async with System(GatewayPolicy(wire=wire)) as system:
        await system.worker()
        said = {"limits": TokenLimits(session_bytes=20_000)}
        async with system.connect(said=said) as client:
            await client.send(b"x" * 6_000)
            await client.recv()
            client.transport.abort()
        await system.settled(0, ClaimState.SUSPENDED)
        async with system.connect(said=said) as client:
            await flood(client, 20, b"x" * 1_000)
            code, reason = await closed(client)
        record = await system.settled(0, Outcome.COMPLETED)

    assert (code, code_in(reason)) == (4423, "BYTES_LIMIT")
    assert 18_900 <= record.usage.bytes_in + record.usage.bytes_out <= 20_000


async def test_an_idle_session_is_let_go(wire: str) -> None:
    async with System(a_policy(wire, idle_seconds=0.5)) as system:
        await system.worker()
        async with system.connect() as client:
            code, reason = await closed(client)
        await system.settled(0, ClaimState.SUSPENDED)

    assert (code, code_in(reason)) == (4421, "IDLE_TIMEOUT")


async def test_a_quiet_client_is_pinged_by_the_gateway_and_its_pongs_do_not_reach_the_worker(wire: str) -> None:
    async with System(a_policy(wire, ping_every_seconds=0.3, pong_within_seconds=0.3)) as system:
        await system.worker()
        async with system.raw() as (reader, writer):
            writer.write(a_request(Authorization=f"Bearer {system.token()}"))
            await reader.readuntil(b"\r\n\r\n")
            opcodes = []
            for _ in range(2):
                ping = await asyncio.wait_for(reader.readexactly(2), SOON)
                opcodes.append(ping[0])
                payload = await reader.readexactly(ping[1])
                writer.write(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
            writer.write(b"\x81\x81\0\0\0\0x")
            heard = await asyncio.wait_for(reader.readexactly(3), SOON)
            carried = system.metric("moorage_gateway_relay_bytes_total", **{"from": "client"})

    assert opcodes == [0x89, 0x89]
    assert heard == b"\x81\x01x"
    assert carried == 7


async def test_a_client_that_answers_no_ping_is_let_go(wire: str) -> None:
    async with System(a_policy(wire, ping_every_seconds=0.3, pong_within_seconds=0.3)) as system:
        worker = await system.worker()
        async with system.raw() as (reader, writer):
            writer.write(a_request(Authorization=f"Bearer {system.token()}"))
            await reader.readuntil(b"\r\n\r\n")
            await system.settled(0, ClaimState.SUSPENDED)
            await until(lambda: worker.connections[0].close_code)

    assert worker.connections[0].close_code == 1001
    assert system.metric("moorage_gateway_endings_total", cause="silent", by="client") == 1


async def test_a_client_that_does_not_read_is_cut(wire: str) -> None:
    async def pour(connection: ServerConnection) -> None:
        try:
            while True:
                await connection.send(b"x" * 65_536)
        except ConnectionClosed:
            return

    async with System(a_policy(wire, slow_client_seconds=0.5, linger_seconds=0.3)) as system:
        await system.worker(pour, slots=2)
        async with system.raw() as (reader, writer):
            writer.write(a_request(Authorization=f"Bearer {system.token()}"))
            await reader.readuntil(b"\r\n\r\n")
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            await system.settled(0, ClaimState.SUSPENDED)
            await until(lambda: system.metric("moorage_gateway_connections") == 0)

    assert system.metric("moorage_gateway_endings_total", cause="slow", by="client") == 1


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param(b"\x81\x05hello", 1002, id="unmasked"),
        pytest.param(b"\x83\x80\0\0\0\0", 1002, id="a reserved opcode"),
        pytest.param(b"\x8b\x80\0\0\0\0", 1002, id="a reserved control opcode"),
        pytest.param(b"\x89\xfe\x00\x7e\0\0\0\0", 1002, id="a ping over 125 bytes"),
        pytest.param(b"\x09\x80\0\0\0\0", 1002, id="a fragmented ping"),
        pytest.param(b"\x80\x80\0\0\0\0", 1002, id="a continuation of nothing"),
        pytest.param(b"\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 1002, id="a message in a message"),
        pytest.param(b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1002, id="a negative length"),
        pytest.param(b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009, id="a length of exabytes"),
        pytest.param(b"\x88\x81\0\0\0\0x", 1002, id="a close of one byte"),
    ],
)
async def test_a_broken_frame_ends_the_session_and_nobody_elses(wire: str, frame: bytes, code: int) -> None:
    async with System(GatewayPolicy(wire=wire)) as system:
        await system.worker(echo)
        async with system.connect(1) as other, system.raw() as (reader, writer):
            writer.write(a_request(Authorization=f"Bearer {system.token()}"))
            await reader.readuntil(b"\r\n\r\n")
            writer.write(frame)
            said = await asyncio.wait_for(reader.read(), SOON)
            await system.settled(0, Outcome.FAILED)
            await other.send("fine")
            heard = await other.recv()

    assert heard == "fine"
    assert said[0] == 0x88
    assert int.from_bytes(said[2:4], "big") == code
