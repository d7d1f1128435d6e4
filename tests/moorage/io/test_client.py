"""The client SDK against servers that answer as a gateway does."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection

import moorage
from moorage.errors import Code, MoorageError, SessionOver
from tests.moorage.io.harbour import eventually
from tests.moorage.io.scripted import a_gateway, closes, echo, ping, refuses


async def test_a_conversation() -> None:
    async with a_gateway() as gateway, moorage.connect(gateway.url, "tok") as ws:
        await ws.send("ü")
        await ws.send(b"\x00")

        assert [await ws.recv(), await anext(ws)] == ["ü", b"\x00"]
        assert (ws.attaches, ws.is_connected, ws.subprotocol) == (1, True, "moorage.v1")
    assert gateway.tokens == ["tok"]
    assert gateway.offered == ["moorage.v1"]


async def test_connecting_may_be_awaited() -> None:
    async with a_gateway() as gateway:
        ws = await moorage.connect(gateway.url, "tok")
        await ws.send("a")
        assert await ws.recv() == "a"
        await ws.close()
        await ws.close()

        assert not ws.is_connected
        with pytest.raises(SessionOver):
            await ws.send("b")
        with pytest.raises(SessionOver):
            await ws.recv()


async def test_iteration_ends_when_the_worker_closes() -> None:
    async with a_gateway(closes(1000, after=1)) as gateway, moorage.connect(gateway.url, "tok") as ws:
        await ws.send("a")

        assert [message async for message in ws] == ["a"]
        with pytest.raises(SessionOver) as caught:
            await ws.recv()
        assert caught.value.code is Code.SESSION_ENDED


@pytest.mark.parametrize("leave", [1000, 1001])
async def test_the_client_says_whether_it_comes_back(leave: int) -> None:
    seen: list[int | None] = []

    async def note(socket: ServerConnection) -> None:
        await socket.wait_closed()
        seen.append(socket.close_code)

    async with a_gateway(note) as gateway:
        ws = await moorage.connect(gateway.url, "tok")
        await ws.close(leave)
        await eventually(lambda: seen)

    assert seen == [leave]


@pytest.mark.parametrize("code", [Code.NO_CAPACITY, Code.RATE_LIMIT_EXCEEDED, Code.SESSION_LIMIT_EXCEEDED])
async def test_a_lack_of_room_is_raised_at_once(code: Code) -> None:
    async with a_gateway(refuses(code, 2.5)) as gateway:
        with pytest.raises(MoorageError) as caught:
            await moorage.connect(gateway.url, "tok")

    assert (caught.value.code, caught.value.retry_after) == (code, 2.5)
    assert len(gateway.tokens) == 1


@pytest.mark.parametrize("code", [Code.DRAINING, Code.STORE_UNAVAILABLE])
async def test_what_passes_is_waited_out_before_the_session_has_begun(code: Code) -> None:
    steps = (refuses(code), refuses(code), echo)
    async with a_gateway(*steps) as gateway, moorage.connect(gateway.url, "tok") as ws:
        await ping(ws)

        assert (len(gateway.tokens), ws.attaches) == (3, 1)


async def test_nobody_there_is_raised_with_the_address() -> None:
    with pytest.raises(MoorageError) as caught:
        await moorage.connect("ws://127.0.0.1:1", "tok", connect_seconds=0.0)

    assert caught.value.code is Code.WEBSOCKET_CONNECTION_FAILED
    assert "ws://127.0.0.1:1" in str(caught.value)


async def test_a_silent_server_is_given_up() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(MoorageError) as caught:
            await moorage.connect(url, "tok", open_seconds=0.1, connect_seconds=0.0)

    assert "no answer in time" in str(caught.value)


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b""])
async def test_a_server_that_speaks_something_else_is_an_error(answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(MoorageError) as caught:
            await moorage.connect(url, "tok", connect_seconds=0.0)

    assert caught.value.code is Code.WEBSOCKET_CONNECTION_FAILED


async def test_an_http_refusal_is_typed_too() -> None:
    body = json.dumps({"code": "SESSION_LIMIT_EXCEEDED", "detail": "3 of 3 sessions"}).encode()
    async with a_gateway() as gateway:
        gateway.answers = [(429, {"Retry-After": "7"}, body)]
        with pytest.raises(MoorageError) as caught:
            await moorage.connect(gateway.url, "tok")

    assert caught.value.code is Code.SESSION_LIMIT_EXCEEDED
    assert (str(caught.value), caught.value.retry_after) == ("3 of 3 sessions", 7.0)


@pytest.mark.parametrize("url", ["http://x", "localhost:7400", ""])
def test_a_wrong_url_is_named(url: str) -> None:
    with pytest.raises(ValueError, match="ws:// or wss://"):
        moorage.connect(url, "tok")
