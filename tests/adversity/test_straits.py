"""Networks that delay, cut, trickle and go silent, on either side of the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus

from gateway.io import dial
from gateway.policy import GatewayPolicy
from gateway.relay import Limits
from scheduler.values import ClaimState
from tests.adversity.bystander import bystander, descriptors, resident_bytes
from tests.adversity.strait import Harm, Strait
from tests.builders import a_request, an_authority
from tests.connections import a_connection
from tests.flows.system import SOON, System, closed, until

MESSAGES = ["", "a", "b" * 125, "c" * 126, "d" * 700]


async def test_byte_by_byte_on_both_sides_everything_still_passes(wire: str) -> None:
    trickle = Harm(piece_bytes=1)
    async with System(GatewayPolicy(wire=wire)) as system:
        worker = await system.worker(slots=2)
        async with (
            Strait(system.gateway.port, there=trickle, back=trickle) as near,
            Strait(worker.port, there=trickle, back=trickle) as far,
        ):
            await system.store.remove(worker.id)
            await system.register(far.port)
            url = f"ws://127.0.0.1:{near.port}/?token={system.token()}"
            async with connect(url, proxy=None, compression=None) as client:
                for message in MESSAGES:
                    await client.send(message)
                    assert await asyncio.wait_for(client.recv(), SOON) == message
                await client.send(["e", "f" * 300, "g"])
                assert await asyncio.wait_for(client.recv(), SOON) == "e" + "f" * 300 + "g"
                await client.close(4001, "bye")
            await until(lambda: worker.connections[0].close_code)

        assert (worker.connections[0].close_code, worker.connections[0].close_reason) == (4001, "bye")
        assert far.connections == 1


async def test_latency_costs_time_and_nothing_else(wire: str) -> None:
    slow = Harm(delay=0.02)
    async with System(GatewayPolicy(wire=wire)) as system:
        worker = await system.worker()
        async with Strait(system.gateway.port, there=slow, back=slow) as near:
            url = f"ws://127.0.0.1:{near.port}/?token={system.token()}"
            async with bystander(system), connect(url, proxy=None, compression=None) as client:
                for message in MESSAGES:
                    await client.send(message)
                    assert await asyncio.wait_for(client.recv(), SOON) == message
        assert len(worker.requests) == 2


@pytest.mark.parametrize(("size", "expected"), [(1, 4502), (2, 1006), (3, 1006), (124, 1006), (125, 4502)])
async def test_a_worker_that_dies_in_the_middle_of_a_frame_costs_only_its_own_clients_connection(
    wire: str, size: int, expected: int
) -> None:
    """A frame that has begun cannot be followed by a close frame; half a header is held back and so is no frame yet."""
    async with System(GatewayPolicy(wire=wire)) as system:
        healthy = await system.worker(slots=1)
        async with bystander(system):
            worker = await system.worker()
            await system.store.cordon(worker.id)
            back = Harm()
            async with Strait(worker.port, back=back) as far:
                await system.register(far.port)
                async with system.connect() as client:
                    back.cut_after_bytes = len(response_of(worker.connections[0])) + size
                    await client.send("x" * 123)
                    code, _ = await closed(client)
                await system.settled(0, ClaimState.SUSPENDED)

    assert code == expected
    assert len(healthy.requests) == 1


async def test_a_worker_cut_off_at_any_byte_of_its_answer_is_passed_over(wire: str) -> None:
    async with System(GatewayPolicy(wire=wire)) as system:
        good = await system.worker(slots=100)
        async with system.connect():
            head_bytes = len(response_of(good.connections[0]))
        for number, cut in enumerate(range(1, head_bytes, 11), start=1):
            back = Harm()
            async with Strait(good.port, back=back) as far:
                await system.store.cordon(good.id)
                bad = await system.register(far.port, slots=4)
                async with system.connect(100 + number):  # a worker that serves somebody is the next one's first choice
                    await system.store.uncordon(good.id)
                    back.cut_after_bytes = cut
                    async with system.connect(number) as client:
                        await client.send("served")
                        assert await asyncio.wait_for(client.recv(), SOON) == "served"
                assert far.connections == 2
                await system.store.remove(bad.worker)


async def test_a_worker_that_goes_silent_in_its_answer_is_passed_over_in_time(
    wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "DIAL", 0.3)
    async with System(GatewayPolicy(wire=wire)) as system:
        worker = await system.worker(slots=2)
        await system.store.cordon(worker.id)
        async with Strait(worker.port, back=Harm(is_silent=True)) as far:
            await system.register(far.port)
            with pytest.raises(InvalidStatus) as refused:
                async with system.connect():
                    pass
            await system.store.uncordon(worker.id)
            async with bystander(system), system.connect(1) as client:
                await client.send("served")
                assert await asyncio.wait_for(client.recv(), SOON) == "served"

    assert json.loads(refused.value.response.body)["code"] == "NO_CAPACITY"


async def mute(connection: ServerConnection) -> None:
    """A handler that hangs: nothing is read any more."""
    connection.transport.pause_reading()
    await connection.wait_closed()


async def pour(client: ClientConnection, seconds: float) -> int:
    """Sends megabytes until nobody takes them any more; how many were taken."""
    sent = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while sent < 200:
                await client.send(b"x" * 1_000_000)
                sent += 1
    return sent


async def test_a_worker_that_reads_nothing_after_its_answer_fills_no_memory(wire: str) -> None:
    policy = GatewayPolicy(wire=wire, limits=Limits(linger_seconds=0.3, slow_client_seconds=0.5))
    async with System(policy) as system:
        good = await system.worker(slots=1)
        async with bystander(system):
            await system.store.cordon(good.id)
            bad = await system.worker(mute)
            before = resident_bytes()
            client = await system.connect(max_size=None, write_limit=1 << 16)
            sent = await pour(client, 1.0)
            grown = resident_bytes() - before
            bad.connections[0].transport.abort()
            await system.settled(0, ClaimState.SUSPENDED)
            client.transport.abort()

    assert sent < 30
    assert grown < 40_000_000


@pytest.mark.slow
async def test_a_worker_that_reads_nothing_for_long_is_lost(wire: str) -> None:
    """The kernel gives up on bytes that a peer takes no room for: TCP_USER_TIMEOUT."""
    async with System(GatewayPolicy(wire=wire)) as system:
        await system.worker(mute)
        async with system.connect(max_size=None, write_limit=1 << 16) as client:
            await pour(client, 1.0)
            started = system.store.now()
            client.transport.abort()
            async with asyncio.timeout(60):
                while getattr(await system.session(0), "state", None) is not ClaimState.SUSPENDED:  # noqa: ASYNC110 - a view
                    await asyncio.sleep(0.1)
            elapsed = system.store.now() - started

    assert elapsed < 45


async def test_a_client_whose_network_goes_silent_is_found_by_pings(wire: str) -> None:
    back, there = Harm(), Harm()
    policy = GatewayPolicy(
        wire=wire, limits=Limits(ping_every_seconds=0.3, pong_within_seconds=0.3, linger_seconds=0.3)
    )
    async with System(policy) as system:
        await system.worker()
        async with bystander(system), Strait(system.gateway.port, there=there, back=back) as near:
            url = f"ws://127.0.0.1:{near.port}/?token={system.token()}"
            client = await connect(url, proxy=None, compression=None)
            there.is_silent = back.is_silent = True
            await system.settled(0, ClaimState.SUSPENDED)
            client.transport.abort()

    assert system.metric("moorage_gateway_endings_total", cause="silent", by="client") == 1


async def test_a_client_cut_off_at_any_byte_of_its_upgrade_leaves_nothing_behind(wire: str) -> None:
    async with System(GatewayPolicy(wire=wire)) as system:
        worker = await system.worker(slots=3)
        request = a_request(Authorization=f"Bearer {system.token()}")
        async with bystander(system):
            before = descriptors()
            for cut in range(0, len(request), 17):
                async with system.raw() as (_, writer):
                    writer.write(request[:cut])
                    await asyncio.sleep(0)
                    writer.transport.abort()
            await until(lambda: system.metric("moorage_gateway_handshakes") == 0)
            await until(lambda: descriptors() <= before)
        view = await system.store.worker(worker.id)

    assert system.metric("moorage_gateway_connects_total", result="relayed") == 1
    assert view is not None
    assert view.reserved == 0


@pytest.mark.parametrize("is_secured", [False, True])
async def test_an_upgrade_split_at_any_byte_is_one_upgrade(wire: str, tmp_path: Path, is_secured: bool) -> None:
    authority = an_authority(tmp_path)
    tls = ssl.create_default_context()
    authority.ca.configure_trust(tls)
    policy = GatewayPolicy(wire=wire, tls=authority.files if is_secured else None)
    async with System(policy) as system:
        await system.worker(slots=500)
        length = len(a_request(Authorization=f"Bearer {system.token(100)}"))
        for cut in range(1, length, 29 if is_secured else 7):
            request = a_request(Authorization=f"Bearer {system.token(100 + cut)}")
            async with a_connection(system.gateway.port, tls=tls if is_secured else None) as (reader, writer):
                writer.write(request[:cut])
                await asyncio.sleep(0.001)
                writer.write(request[cut:])
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)
            assert head.startswith(b"HTTP/1.1 101 ")


async def test_cuts_again_and_again_leave_one_session_on_one_slot(wire: str) -> None:
    async with System(GatewayPolicy(wire=wire)) as system:
        worker = await system.worker(slots=2)
        async with bystander(system), Strait(system.gateway.port) as near:
            for turn in range(20):
                url = f"ws://127.0.0.1:{near.port}/?token={system.token()}"
                client = await connect(url, proxy=None, compression=None)
                await client.send(f"turn {turn}")
                assert await asyncio.wait_for(client.recv(), SOON) == f"turn {turn}"
                near.cut()
                await client.wait_closed()
            await system.settled(0, ClaimState.SUSPENDED)
            view = await system.store.worker(worker.id)

    assert view is not None
    assert (view.held, view.suspended, view.reserved) == (1, 1, 0)
    fences = [int(request.headers["Moorage-Claim"].split(".")[2]) for request in worker.requests[1:]]
    assert fences == sorted(set(fences))


def response_of(connection: ServerConnection) -> bytes:
    assert connection.response is not None
    return connection.response.serialize()
