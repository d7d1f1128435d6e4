"""Real WebSocket peers through the relay, after an upgrade passed on by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket

from gateway.io.wire import Stream
from gateway.relay import Cause, Close, Farewell, Limits
from tests.gateway.io.rig import SOON, RecordingOwner, Rig

LIMITS = Limits(linger_seconds=0.5, frame_bytes=8 << 20, message_bytes=8 << 20)


Session = tuple[ClientConnection, RecordingOwner]


async def read_head(stream: Stream) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        data = await stream.receive()
        assert data
        head += data
    end = head.index(b"\r\n\r\n") + 4
    stream.unread(head[end:])
    return head[:end]


async def join(rig: Rig, worker_port: int, owner: RecordingOwner) -> None:
    """One client's upgrade and the worker's answer passed on, then the relay."""
    client = await rig.accepted()
    if rig.is_tls:
        await client.start_tls(rig.context)
    worker = await rig.wire.connect("127.0.0.1", worker_port)
    worker.send(await read_head(client))
    client.send(await read_head(worker))
    owner.relay = rig.wire.relay(client, worker, LIMITS, owner)


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        if message == "close 1011":
            await connection.close(1011, "asked to")
        elif message == "die":
            connection.transport.abort()
        else:
            await connection.send(message)


@asynccontextmanager
async def a_session(
    rig: Rig, farewell: Farewell, compression: str | None
) -> AsyncIterator[tuple[ClientConnection, RecordingOwner]]:
    owner = RecordingOwner(farewell)
    async with serve_websocket(echo, "127.0.0.1", 0, max_size=None, compression=compression) as server:
        joining = asyncio.ensure_future(join(rig, next(iter(server.sockets)).getsockname()[1], owner))
        scheme, tls = ("wss", rig.client_context) if rig.is_tls else ("ws", None)
        uri = f"{scheme}://127.0.0.1:{rig.port}/"
        async with websocket(uri, ssl=tls, max_size=None, compression=compression, proxy=None) as connection:
            await joining
            yield connection, owner
    await owner.goodbye()


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_messages_come_back_unchanged(any_rig: Rig, compression: str | None) -> None:
    async with a_session(any_rig, Farewell(), compression) as (connection, owner):
        for message in ("text", "ü" * 1000, b"", bytes(range(256)) * 300, bytes(3_000_000)):
            await connection.send(message)
            assert await asyncio.wait_for(connection.recv(), SOON) == message
        await connection.send([b"in", b"three", b"fragments"])
        assert await asyncio.wait_for(connection.recv(), SOON) == b"inthreefragments"
        await asyncio.wait_for(await connection.ping(), SOON)

    assert (owner.endings[0].cause, owner.endings[0].close_code) == (Cause.CLOSED, 1000)
    assert (owner.final[0].messages_from_client, owner.final[0].messages_from_worker) == (6, 6)


async def test_a_workers_close_reaches_the_client(any_rig: Rig) -> None:
    async with a_session(any_rig, Farewell(), None) as (connection, owner):
        await connection.send("close 1011")

        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await asyncio.wait_for(connection.recv(), SOON)

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, "asked to")
    assert (owner.endings[0].cause, owner.endings[0].close_code) == (Cause.CLOSED, 1011)


async def test_a_dead_worker_is_told_with_a_typed_close(any_rig: Rig) -> None:
    async with a_session(any_rig, Farewell(client=Close(4502, b'{"code":"WORKER_LOST"}')), None) as (connection, owner):
        await connection.send("die")

        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await asyncio.wait_for(connection.recv(), SOON)

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4502, '{"code":"WORKER_LOST"}')
    assert owner.endings[0].cause is Cause.EOF


async def test_an_ordered_end_reaches_the_client_in_the_middle_of_a_conversation(any_rig: Rig) -> None:
    async with a_session(any_rig, Farewell(), None) as (connection, owner):
        for _ in range(20):
            await connection.send(bytes(50_000))
        assert owner.relay is not None
        owner.relay.close((1012, b"draining"), (1001, b""))

        async with asyncio.timeout(SOON):
            got = [message async for message in until_closed(connection)]

    assert set(got) <= {bytes(50_000)}
    assert connection.close_code == 1012


async def until_closed(connection: ClientConnection) -> AsyncIterator[str | bytes]:
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            yield await connection.recv()
