"""A gateway that plays one step for each connection."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

import moorage
from moorage.errors import CATALOGUE, Code, MoorageError, close_reason
from moorage.io.client import Connection

Step = Callable[[ServerConnection], Awaitable[None]]


@dataclass
class Gateway:
    """Plays one step for each connection; the last one is repeated."""

    url: str = ""
    steps: list[Step] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    offered: list[str] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes] | None] = field(
        default_factory=list
    )  # HTTP refusals, one a request

    async def converse(self, socket: ServerConnection) -> None:
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        await step(socket)

    def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self.tokens.append(request.headers["Authorization"].removeprefix("Bearer "))
        self.offered.append(request.headers["Sec-WebSocket-Protocol"])
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            return None
        status, headers, body = answer
        response = socket.respond(status, "")
        del response.headers["Content-Length"]
        response.headers.update({**headers, "Content-Length": str(len(body))})
        response.body = body
        return response


@asynccontextmanager
async def a_gateway(*steps: Step, tls: ssl.SSLContext | None = None) -> AsyncIterator[Gateway]:
    gateway = Gateway(steps=list(steps) or [echo])
    async with serve(
        gateway.converse,
        "127.0.0.1",
        0,
        process_request=gateway.admit,
        subprotocols=[Subprotocol("moorage.v1")],
        ssl=tls,
    ) as server:
        port = server.sockets[0].getsockname()[1]
        gateway.url = f"wss://localhost:{port}" if tls else f"ws://127.0.0.1:{port}"
        yield gateway


async def echo(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


def closes(code: int, reason: bytes = b"", after: int = 0) -> Step:
    """Echoes so many messages, then closes."""

    async def step(socket: ServerConnection) -> None:
        for _ in range(after):
            await socket.send(await socket.recv())
        await socket.close(code, reason.decode())

    return step


def cuts(after: int) -> Step:
    """Echoes so many messages, then the TCP connection is gone."""

    async def step(socket: ServerConnection) -> None:
        for _ in range(after):
            await socket.send(await socket.recv())
        socket.transport.abort()

    return step


def refuses(code: Code, retry_after: float | None = 0.01) -> Step:
    """As the gateway does: accepted, and closed in the same breath."""
    close = CATALOGUE[code].close
    assert close is not None
    return closes(close, close_reason(code, retry_after))


async def failure(gateway: Gateway, say: str = "", **options: Any) -> MoorageError:
    async def converse() -> None:
        async with moorage.connect(gateway.url, "tok", **options) as ws:
            if say:
                await ws.send(say)
            async for _ in ws:
                pass

    with pytest.raises(MoorageError) as caught:
        await converse()
    return caught.value


async def ping(ws: Connection) -> None:
    """One message there and back: the connection is up."""
    await ws.send("ping")
    assert await ws.recv() == "ping"
