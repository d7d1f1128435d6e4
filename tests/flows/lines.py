"""Clients that wait for a slot: until they stand in line, and until they no longer do. Numbers are those of sessions."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import ClientConnection

from scheduler.store import Store
from scheduler.values import QueueView
from tests.builders import a_session
from tests.deadlines import SOON
from tests.flows.system import System


async def in_line(truth: Store, number: int) -> QueueView:
    async with asyncio.timeout(SOON):
        while (seen := await truth.queue(a_session(number))) is None:  # noqa: ASYNC110 - a view has no event
            await asyncio.sleep(0.005)
    return seen


async def out_of_line(truth: Store, number: int) -> None:
    async with asyncio.timeout(SOON):
        while await truth.queue(a_session(number)) is not None:  # noqa: ASYNC110 - a view has no event
            await asyncio.sleep(0.005)


async def entered(system: System, number: int) -> ClientConnection:
    """For a task: `connect` alone can be awaited, and is no coroutine."""
    return await system.connect(number)
