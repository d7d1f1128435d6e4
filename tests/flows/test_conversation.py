"""What clients and workers say to each other passes as it is, over both wires."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.typing import Data, Subprotocol

from gateway.policy import GatewayPolicy
from scheduler.values import ClaimState, Outcome
from tests.builders import KEY, a_request
from tests.flows.system import SOON, System, closed, echo, until


@pytest.fixture
async def both(wire: str) -> AsyncIterator[System]:
    async with System(GatewayPolicy(wire=wire)) as system:
        yield system


@pytest.mark.parametrize("message", ["", "hello", "h\u00e9", b"", bytes(range(256)), b"x" * 70_000, "y" * 1_000_000])
async def test_messages_come_back(both: System, message: Data) -> None:
    await both.worker()

    async with both.connect(max_size=None) as client:
        await client.send(message)
        heard = await client.recv()

    assert heard == message


async def test_a_fragmented_message_stays_one_message(both: System) -> None:
    await both.worker()

    async with both.connect() as client:
        await client.send(["a", "b" * 1000, "", "c"])
        heard = await client.recv()

    assert heard == "a" + "b" * 1000 + "c"


async def test_pings_are_answered_by_the_other_end_itself(both: System) -> None:
    worker = await both.worker()

    async with both.connect() as client:
        answered = await client.ping(b"from the client")
        await asyncio.wait_for(answered, SOON)
        answered = await worker.connections[0].ping(b"from the worker")
        await asyncio.wait_for(answered, SOON)


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "away"), (3999, "of a library"), (4321, "\u00e9")])
async def test_a_close_reaches_the_other_end_with_code_and_reason(both: System, code: int, reason: str) -> None:
    worker = await both.worker()

    async with both.connect() as client:
        await client.close(code, reason)
    await until(lambda: worker.connections[0].close_code)

    assert (worker.connections[0].close_code, worker.connections[0].close_reason) == (code, reason)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (1000, Outcome.COMPLETED),
        (1011, Outcome.FAILED),
        (4000, Outcome.COMPLETED),
        (1001, ClaimState.SUSPENDED),
        (1012, ClaimState.SUSPENDED),
    ],
)
async def test_a_workers_close_reaches_the_client_and_decides_the_session(
    both: System, code: int, state: Outcome | ClaimState
) -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(code, "because")

    await both.worker(leave)

    async with both.connect() as client:
        seen = await closed(client)
    await both.settled(0, state)

    assert seen == (code, "because")


async def test_a_close_without_a_code_completes_the_session(both: System) -> None:
    await both.worker()

    async with both.raw() as (reader, writer):
        writer.write(a_request(Authorization=f"Bearer {both.token()}"))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x88\x80\0\0\0\0")
        answer = await asyncio.wait_for(reader.read(), SOON)
    await both.settled(0, Outcome.COMPLETED)

    assert answer == b"\x88\x00"


@pytest.mark.parametrize(
    ("offered", "known", "selected"),
    [
        (["chat"], ["chat"], "chat"),
        (["chat", "json"], ["json"], "json"),
        (["chat"], [], None),
        (["chat", "moorage.v1"], ["chat"], "chat"),
        (["chat", "moorage.v1"], [], "moorage.v1"),
        (["moorage.v1"], [], "moorage.v1"),
    ],
)
async def test_the_worker_selects_the_subprotocol(
    system: System, offered: list[str], known: list[str], selected: str | None
) -> None:
    def choose(_: ServerConnection, said: object) -> Subprotocol | None:
        return next((Subprotocol(one) for one in known if one in offered), None)

    worker = await system.worker(select_subprotocol=choose)

    async with system.connect(subprotocols=[Subprotocol(one) for one in offered]) as client:
        assert client.subprotocol == selected
    assert worker.header("Sec-WebSocket-Protocol") == [", ".join(offered)]


async def test_compression_is_negotiated_with_the_worker_and_passes(both: System) -> None:
    worker = await both.worker(compression="deflate")

    async with both.connect(compression="deflate") as client:
        await client.send("z" * 100_000)
        heard = await client.recv()
    usage = await both.settled(0, Outcome.COMPLETED)

    assert heard == "z" * 100_000
    assert "permessage-deflate" in worker.header("Sec-WebSocket-Extensions")[0]
    assert usage.usage.bytes_in < 5000


async def test_data_right_behind_the_upgrade_is_not_lost(both: System) -> None:
    await both.worker()

    async with both.raw() as (reader, writer):
        writer.write(a_request(Authorization=f"Bearer {both.token()}") + b"\x81\x85\0\0\0\0early")
        head = await reader.readuntil(b"\r\n\r\n")
        frame = await asyncio.wait_for(reader.readexactly(7), SOON)

    assert head.startswith(b"HTTP/1.1 101 ")
    assert frame == b"\x81\x05early"


async def test_data_right_behind_the_workers_101_is_not_lost(both: System) -> None:
    async def greet(connection: ServerConnection) -> None:
        await connection.send("welcome")
        await echo(connection)

    await both.worker(greet)

    async with both.connect() as client:
        assert await client.recv() == "welcome"


async def test_path_query_and_key_pass_unchanged(system: System) -> None:
    worker = await system.worker()

    async with system.connect(target="/rooms/%C3%A9?a=1&b=%20&&c"):
        pass

    assert worker.requests[0].path == "/rooms/%C3%A9?a=1&b=%20&&c"


async def test_a_key_is_answered_by_the_worker(system: System) -> None:
    worker = await system.worker()

    async with system.raw() as (reader, writer):
        writer.write(a_request(Authorization=f"Bearer {system.token()}"))
        head = await reader.readuntil(b"\r\n\r\n")

    assert worker.header("Sec-WebSocket-Key") == [KEY]
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head


async def test_many_sessions_do_not_mix(both: System) -> None:
    await both.worker(slots=50)

    async def converse(number: int) -> list[Data]:
        async with both.connect(number) as client:
            heard = []
            for turn in range(20):
                await client.send(f"{number}:{turn}")
                heard.append(await client.recv())
            return heard

    heard = await asyncio.gather(*(converse(number) for number in range(40)))

    assert heard == [[f"{number}:{turn}" for turn in range(20)] for number in range(40)]


async def test_what_passed_is_metered_to_the_byte(both: System) -> None:
    await both.worker()

    async with both.connect() as client:
        for message in ("a", b"b" * 200, "c" * 70_000):
            await client.send(message)
            await client.recv()
    record = await both.settled(0, Outcome.COMPLETED)

    payload = 1 + 200 + 70_000
    close = 2 + 2
    assert record.usage.messages_in == record.usage.messages_out == 3
    assert record.usage.bytes_out == payload + (2 + 4 + 10) + close
    assert record.usage.bytes_in == payload + (2 + 4 + 10) + close + 4 * 4


async def test_a_client_that_cuts_suspends_and_comes_back_to_its_worker(both: System) -> None:
    workers = [await both.worker(slots=1) for _ in range(3)]

    async with both.connect() as client:
        client.transport.abort()
        await both.settled(0, ClaimState.SUSPENDED)
        first = [len(worker.requests) for worker in workers]
    async with both.connect() as client:
        await client.send("again")
        heard = await client.recv()

    assert heard == "again"
    assert [len(worker.requests) for worker in workers] == [2 * count for count in first]
    claims = [request.headers["Moorage-Claim"] for worker in workers for request in worker.requests]
    assert int(claims[0].split(".")[2]) < int(claims[1].split(".")[2])


async def test_a_worker_that_cuts_is_lost_to_its_client(both: System) -> None:
    worker = await both.worker()

    async with both.connect() as client:
        worker.connections[0].transport.abort()
        code, reason = await closed(client)
    await both.settled(0, ClaimState.SUSPENDED)

    assert (code, reason) == (4502, '{"code":"WORKER_LOST","retry_after":0.5}')
    with pytest.raises(ConnectionClosed):
        await client.send("too late")
