"""The worker's end of the link, spoken byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from gateway.io.link_server import LinkServer
from moorage.ids import GatewayId
from moorage.link import (
    Message,
    Register,
    Registered,
)
from moorage.link_wire import decode, encode
from tests.moorage.io.harbour import JOIN_KEY, WAIT

REGISTER = Register("w", "eu", "gpu", "127.0.0.1:7500", 4)


GATEWAY = GatewayId("gtw_9")


async def dial(server: LinkServer, key: str | None = JOIN_KEY, path: str = "/link", **options: Any) -> ClientConnection:
    usual: dict[str, Any] = {"subprotocols": [Subprotocol("moorage.link.v1")], "compression": None}
    usual.update(options)
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    scheme = "wss" if "ssl" in options else "ws"
    url = f"{scheme}://localhost:{server.port}{path}"
    return await connect(url, additional_headers=headers, proxy=None, **usual)


async def refused(server: LinkServer, **options: Any) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as caught:
        await dial(server, **options)
    response = caught.value.response
    return response.status_code, json.loads(response.body)["code"]


@asynccontextmanager
async def a_link(server: LinkServer, register: Message | None = REGISTER) -> AsyncIterator[ClientConnection]:
    """Dialled; registered unless told otherwise."""
    async with await dial(server) as link:
        if register is not None:
            await say(link, register)
        yield link


async def say(link: ClientConnection, message: Message) -> None:
    await link.send(encode(message))


async def hear(link: ClientConnection) -> Message:
    async with asyncio.timeout(WAIT):
        return decode(await link.recv())


async def welcomed(link: ClientConnection) -> Registered:
    answer = await hear(link)
    assert isinstance(answer, Registered), answer
    return answer
