"""What clients say, and what they are told."""

from __future__ import annotations

import asyncio
import json

from websockets.asyncio.client import ClientConnection

from tests.flows.system import SOON


def code_in(reason: str) -> str:
    return str(json.loads(reason)["code"])


async def says(client: ClientConnection, text: str) -> None:
    await client.send(text)
    assert await asyncio.wait_for(client.recv(), SOON) == text
