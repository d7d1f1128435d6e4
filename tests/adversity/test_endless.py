"""Frames and messages that begin and never end: bounded in time and memory, over both wires."""

from __future__ import annotations

import asyncio
import contextlib

from gateway.policy import GatewayPolicy
from gateway.relay import Limits
from scheduler.values import ClaimState, Outcome
from tests.adversity.bystander import bystander
from tests.builders import a_request
from tests.flows.system import SOON, System

PATIENCE = Limits(ping_every_seconds=0.2, pong_within_seconds=0.2, linger_seconds=0.2)


async def entered(system: System, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(a_request(Authorization=f"Bearer {system.token()}"))
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)


async def test_a_client_that_stops_in_the_middle_of_a_frame_is_found_by_pings_and_may_come_back(wire: str) -> None:
    async with System(GatewayPolicy(wire=wire, limits=PATIENCE)) as system:
        await system.worker(slots=2)
        async with bystander(system), system.raw() as (reader, writer):
            await entered(system, reader, writer)
            writer.write(b"\x82\xfe\x03\xe8\0\0\0\0" + b"x" * 100)  # 1,000 bytes announced

            await system.settled(0, ClaimState.SUSPENDED)

    assert system.metric("moorage_gateway_endings_total", cause="silent", by="client") == 1


async def test_a_message_of_fragments_without_end_fails_at_its_bound(wire: str) -> None:
    limits = Limits(message_bytes=10_000)
    async with System(GatewayPolicy(wire=wire, limits=limits)) as system:
        await system.worker(slots=2)
        async with bystander(system), system.raw() as (reader, writer):
            await entered(system, reader, writer)
            sent = 0
            writer.write(b"\x02\x81\0\0\0\0x")
            with contextlib.suppress(ConnectionError):
                while not reader.at_eof() and sent < 20_000:
                    writer.write(b"\x00\x81\0\0\0\0x")
                    sent += 1
                    await writer.drain()
            said = await asyncio.wait_for(reader.read(), SOON)
            await system.settled(0, Outcome.FAILED)

    assert int.from_bytes(said[2:4], "big") == 1009


async def test_fragments_without_content_are_bounded_by_the_rate(wire: str) -> None:
    """They add nothing to the message: only their number can end it."""
    limits = Limits(messages_per_second=10, message_burst=50)
    async with System(GatewayPolicy(wire=wire, limits=limits)) as system:
        await system.worker(slots=2)
        async with bystander(system), system.raw() as (reader, writer):
            await entered(system, reader, writer)
            writer.write(b"\x02\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 500)
            said = await asyncio.wait_for(reader.read(), SOON)
            await system.settled(0, ClaimState.SUSPENDED)

    assert int.from_bytes(said[2:4], "big") == 4429
