"""A worker made with the SDK: echoes. Gateway and join key come from the environment; says "ready" once it is registered.

MOORAGE_LINK=ws://127.0.0.1:L MOORAGE_JOIN_KEY=K python -m bench.echo SLOTS
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

import moorage


async def echo(session: moorage.Session) -> None:
    """Sends every message back."""
    async for message in session:
        await session.send(message)


async def serve(slots: int) -> None:
    """Until it is ended."""
    worker = moorage.Worker(echo, slots=slots, pool="bench", region="bench")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.serve())
        await worker.ready()
        print("ready", flush=True)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
