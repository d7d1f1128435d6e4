"""When a server is tried again, and how often its calls' deadlines are looked at: for as long as the program runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from moorage.backoff import Backoff

RECONNECT = Backoff(first=0.1, most=0.5)  # revocations take effect within 1 s of a return, and clients wait
LEAST_PAUSE = 0.05
SETTLED_AFTER = 1.0  # a connection that lived so long was a good one: the next try comes quickly again
CHECK_EVERY = 0.25

log = structlog.get_logger(__name__)


async def keep_connected(connect: Callable[[], Awaitable[bool]], lost: asyncio.Event) -> None:
    """`connect` answers whether it did, and clears `lost` then."""
    time = asyncio.get_running_loop().time
    attempt = 0
    while True:
        if await connect():
            since = time()
            await lost.wait()
            attempt = 0 if time() - since > SETTLED_AFTER else attempt
        await asyncio.sleep(max(LEAST_PAUSE, RECONNECT.wait(attempt, random.random)))
        attempt += 1


async def keep_checking(look: Callable[[], None], where: str) -> None:
    """A few times a second."""
    while True:
        await asyncio.sleep(CHECK_EVERY)
        try:
            look()
        except Exception:  # without this task no deadline is kept
            log.exception("store_check_failed", where=where)
