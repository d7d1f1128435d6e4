"""Too many, too slow, too greedy: bounds hold, and who behaves does not notice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from gateway.policy import GatewayPolicy, Handshakes, Trust
from gateway.relay import Limits
from tests.adversity.bystander import bystander, descriptors, resident_bytes
from tests.adversity.strait import Harm, Strait
from tests.builders import a_request, an_authority
from tests.connections import connections
from tests.flows.system import SOON, System, echo, until
from tests.owntime import own_time

pytestmark = pytest.mark.usefixtures("wire")


@contextlib.asynccontextmanager
async def crowd(system: System, size: int, first_bytes: bytes = b"") -> AsyncIterator[list[asyncio.StreamReader]]:
    """Bare connections that have said the beginning of something."""
    async with connections(system.gateway.port, size) as pairs:
        for _, writer in pairs:
            writer.write(first_bytes)
        yield [reader for reader, _ in pairs]


async def answers(readers: list[asyncio.StreamReader]) -> list[bytes]:
    """First lines of what each was told until its end."""

    async def told(reader: asyncio.StreamReader) -> bytes:
        with contextlib.suppress(ConnectionError):
            return (await reader.read()).partition(b"\r\n")[0]
        return b"reset"

    return await asyncio.wait_for(asyncio.gather(*map(told, readers)), SOON)


async def test_slow_requests_are_ended_in_time(wire: str) -> None:
    async with System(GatewayPolicy(wire=wire, handshakes=Handshakes(seconds=0.4))) as system:
        await system.worker()
        async with bystander(system), crowd(system, 30, b"GET / HTTP/1.1\r\nHost: a\r\nX: ") as slow:
            told = await answers(slow)
        await until(lambda: system.metric("moorage_gateway_handshakes") == 0)

    assert told == [b"HTTP/1.1 408 Request Timeout"] * 30


async def test_a_request_that_drips_does_not_win_time(wire: str) -> None:
    async with (
        System(GatewayPolicy(wire=wire, handshakes=Handshakes(seconds=0.4))) as system,
        system.raw() as (reader, writer),
        own_time() as own,
    ):
        started = system.store.now()
        answering = asyncio.create_task(reader.read())
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        while not answering.done() and own.seconds < 3:
            with contextlib.suppress(ConnectionError):
                writer.write(b"x")
            await asyncio.sleep(0.01)
        elapsed, ours = system.store.now() - started, own.seconds
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(answering, SOON)

    assert elapsed > 0.3
    assert ours < 1.5


async def test_requests_in_progress_are_bounded_and_whoever_is_relayed_is_not_touched(wire: str) -> None:
    bounds = Handshakes(seconds=2.0, in_progress=20, in_progress_per_address=1000)
    async with System(GatewayPolicy(wire=wire, handshakes=bounds)) as system:
        await system.worker()
        async with bystander(system), crowd(system, 50, b"GET /") as slow:
            await until(lambda: system.metric("moorage_gateway_refusals_total", code="NO_CAPACITY") == 30)
            most = system.metric("moorage_gateway_handshakes")
            told = await answers(slow)
        await until(lambda: system.metric("moorage_gateway_handshakes") == 0)
        async with system.connect() as client:
            await client.send("free again")
            heard = await client.recv()

    assert most == 20
    assert sum(answer.startswith(b"HTTP/1.1 408") for answer in told) == 20
    assert sum(answer.startswith(b"HTTP/1.1 503") or answer == b"reset" for answer in told) == 30
    assert heard == "free again"


async def test_one_address_cannot_take_all_handshakes(wire: str) -> None:
    bounds = Handshakes(seconds=2.0, in_progress=100, in_progress_per_address=10)
    policy = GatewayPolicy(wire=wire, handshakes=bounds)
    async with System(policy) as system, crowd(system, 30, b"GET /") as slow:
        told = await answers(slow)

    assert sum(answer.startswith(b"HTTP/1.1 408") for answer in told) == 10


async def test_connections_in_total_are_bounded_and_come_back(wire: str) -> None:
    bounds = Handshakes(connections=10)
    async with System(GatewayPolicy(wire=wire, handshakes=bounds)) as system:
        await system.worker(slots=50)
        async with bystander(system):
            clients = [await system.connect(number) for number in range(9)]
            with pytest.raises((InvalidHandshake, ConnectionError, EOFError)):
                await system.connect(20)
            await clients[0].close()
            await until(lambda: system.metric("moorage_gateway_connections") == 9)
            clients[0] = await system.connect(21)
            for client in clients:
                await client.close()

    assert system.metric("moorage_gateway_refusals_total", code="NO_CAPACITY") == 1


async def test_a_flood_of_connects_costs_the_flood_only(wire: str) -> None:
    bounds = Handshakes(connects_per_second_per_address=1, connect_burst_per_address=20)
    trust = Trust(proxy_protocol_from=(ip_network("127.0.0.0/8"),))
    async with System(GatewayPolicy(wire=wire, handshakes=replace(bounds, seconds=1.0), trust=trust)) as system:
        await system.worker()

        async def knock(host: str, number: int) -> bytes:
            async with system.raw() as (reader, writer):
                writer.write(f"PROXY TCP4 {host} 127.0.0.1 1 2\r\n".encode())
                writer.write(a_request(Authorization=f"Bearer {system.token(number)}"))
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    return (await asyncio.wait_for(reader.readuntil(b"\r\n"), SOON))[:12]
            return b"reset"

        flood = await asyncio.gather(*(knock("203.0.113.1", 5) for _ in range(100)))
        other = await knock("203.0.113.2", 6)

    assert flood.count(b"HTTP/1.1 429") >= 79
    assert other == b"HTTP/1.1 101"


async def test_clients_that_never_read_are_cut_and_nobody_else_waits(wire: str) -> None:
    async def pour(connection: ServerConnection) -> None:
        if connection.request is None or connection.request.path != "/pour":
            await echo(connection)
            return
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.send(b"x" * 65_536)

    limits = Limits(slow_client_seconds=0.6, linger_seconds=0.3)
    async with System(GatewayPolicy(wire=wire, limits=limits)) as system:
        await system.worker(pour, slots=50)
        async with bystander(system), crowd(system, 20) as readers:
            before = resident_bytes()
            for number, reader in enumerate(readers):
                transport = reader._transport  # type: ignore[attr-defined]
                transport.write(a_request("/pour", Authorization=f"Bearer {system.token(number)}"))
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)
                transport.pause_reading()
            await until(lambda: system.metric("moorage_gateway_connections") == 1)
            grown = resident_bytes() - before

    assert system.metric("moorage_gateway_endings_total", cause="slow", by="client") == 20
    assert grown < 60_000_000


async def test_connects_and_disconnects_leave_nothing_behind(wire: str) -> None:
    async with System(GatewayPolicy(wire=wire, handshakes=Handshakes(connect_burst_per_address=10_000))) as system:
        await system.worker(slots=100)

        async def once(number: int) -> None:
            async with system.raw() as (reader, writer):
                writer.write(a_request(Authorization=f"Bearer {system.token(number)}") + b"\x81\x81\0\0\0\0x")
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(3)
                writer.write(b"\x88\x82\0\0\0\0\x03\xe8")
                await reader.read()

        await asyncio.gather(*map(once, range(50)))
        await until(lambda: system.metric("moorage_gateway_connections") == 0)
        before, memory = descriptors(), resident_bytes()
        for turn in range(1, 11):
            await asyncio.gather(*map(once, range(50 * turn, 50 * turn + 50)))
        await until(lambda: system.metric("moorage_gateway_connections") == 0)
        await until(lambda: descriptors() <= before)
        grown = resident_bytes() - memory

    assert grown < 8_000_000


async def test_resets_at_every_moment_of_a_handshake_leave_no_slot_taken(wire: str) -> None:
    async with System(GatewayPolicy(wire=wire, resume_seconds=0.3)) as system:
        worker = await system.worker(slots=200)
        chance = random.Random(7)

        async def rudely(number: int) -> None:
            async with system.raw() as (_, writer):
                writer.write(a_request(Authorization=f"Bearer {system.token(number)}"))
                await asyncio.sleep(chance.random() * 0.02)
                writer.transport.abort()

        async with bystander(system):
            await asyncio.gather(*map(rudely, range(100)))
            async with asyncio.timeout(SOON):
                while (view := await system.store.worker(worker.id)) is None or view.used > 1:  # noqa: ASYNC110 - a view
                    await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_a_storm_of_all_of_it_settles(wire: str) -> None:
    """Half a minute of everything at once; then every slot is free, every descriptor closed, nobody was disturbed."""
    chance = random.Random(11)
    policy = GatewayPolicy(
        wire=wire,
        resume_seconds=0.5,
        wait_seconds=1.0,
        handshakes=Handshakes(seconds=0.5, connects_per_second_per_address=0),
        limits=Limits(slow_client_seconds=0.5, linger_seconds=0.3, ping_every_seconds=0.5, pong_within_seconds=0.3),
    )
    async with System(policy) as system:
        calm = await system.worker(slots=1)
        async with bystander(system):
            await system.store.cordon(calm.id)
            shaky = await system.worker(slots=40)
            await system.store.cordon(shaky.id)
            harm = Harm()
            async with Strait(shaky.port, back=harm) as far:
                unsafe = await system.register(far.port, slots=40)
                before = descriptors()
                end = asyncio.get_running_loop().time() + 25
                async with asyncio.TaskGroup() as clients:
                    for number in range(40):
                        clients.create_task(_unruly(system, number, chance, end))
                    clients.create_task(_beating(system, unsafe.worker, end))
                    clients.create_task(_shaking(far, harm, chance, end))
                async with asyncio.timeout(20):
                    while (view := await system.store.worker(unsafe.worker)) is not None and view.used:
                        await system.beat(unsafe.worker, 10_000)
                        await asyncio.sleep(0.1)
                await until(lambda: descriptors() <= before)
            await system.store.uncordon(shaky.id)
            async with system.connect(500) as client:
                await client.send("calm")
                assert await client.recv() == "calm"


async def _unruly(system: System, number: int, chance: random.Random, end: float) -> None:
    turn = 0
    while asyncio.get_running_loop().time() < end:
        turn += 1
        await asyncio.sleep(chance.random() * 0.1)
        async with system.raw() as (reader, writer):
            request = a_request(Authorization=f"Bearer {system.token(1000 + number * 1000 + turn % 900)}")
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                writer.write(request[: chance.choice((10, len(request), len(request), len(request)))])
                writer.write(chance.choice((b"", b"\x81\x81\0\0\0\0x", os.urandom(30))))
                async with asyncio.timeout(chance.random() * 1.5):
                    await reader.read(chance.choice((1, 1000)))
                    await reader.read()
            chance.choice((writer.transport.abort, writer.close))()


async def _beating(system: System, worker: object, end: float) -> None:
    seq = 0
    while asyncio.get_running_loop().time() < end:
        seq += 1
        await system.beat(worker, seq)  # type: ignore[arg-type]
        await asyncio.sleep(0.5)


async def _shaking(far: Strait, harm: Harm, chance: random.Random, end: float) -> None:
    while asyncio.get_running_loop().time() < end:
        await asyncio.sleep(chance.random())
        harm.delay = chance.choice((0.0, 0.0, 0.01))
        harm.piece_bytes = chance.choice((1 << 16, 3))
        harm.is_silent = chance.random() < 0.1
        if chance.random() < 0.3:
            far.cut()
    harm.is_silent = False


async def test_a_secured_gateway_turns_a_crowd_away_without_a_handshake_each(wire: str, tmp_path: Path) -> None:
    authority = an_authority(tmp_path)
    policy = GatewayPolicy(wire=wire, tls=authority.files, handshakes=Handshakes(seconds=1.5, in_progress=10))
    async with System(policy) as system, crowd(system, 30, b"\x16\x03\x01") as slow:
        told = await answers(slow)

    assert len(told) == 30
    assert system.metric("moorage_gateway_connects_total", result="timeout") == 10
