"""Seconds as this process lived them: what a bound of the product is measured in, on a machine that others use too.

Timers, polls, round trips and work that blocks the loop take as long as ever; moments in which the process had no processor
do not count.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from time import monotonic, process_time
from typing import TypeVar

from tests.deadlines import SOON

_TICK = 0.01
_LONGEST = 0.03  # of a tick that was not held up

T = TypeVar("T")


class OwnTime:
    """Runs with its loop."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            began, worked = monotonic(), process_time()
            await asyncio.sleep(_TICK)
            self.seconds += min(monotonic() - began, _LONGEST + process_time() - worked)


@asynccontextmanager
async def own_time() -> AsyncIterator[OwnTime]:
    """From here on."""
    own = OwnTime()
    running = asyncio.create_task(own.run())
    try:
        yield own
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def within(seconds: float, coming: Awaitable[T]) -> T:
    """What comes in time. Raises TimeoutError where it comes never, AssertionError where it comes too late."""
    async with own_time() as own, asyncio.timeout(SOON):
        came = await coming
    assert own.seconds <= seconds
    return came
