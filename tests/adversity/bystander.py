"""A healthy session beside the harm: it keeps asking and keeps getting answers, or the test fails."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.flows.system import System
from tests.owntime import own_time

NUMBER = 999  # its session; tests use lower ones
PATIENCE = 1.5  # of a person; a loop that is blocked for so long has disturbed somebody


@dataclass
class Bystander:
    """What it lived through."""

    rounds: int = 0
    waits: list[float] = field(default_factory=list)


@contextlib.asynccontextmanager
async def bystander(system: System) -> AsyncIterator[Bystander]:
    """Needs a worker with a free slot; asserts at the end that it was never disturbed."""
    seen = Bystander()
    async with system.connect(NUMBER) as client, own_time() as own:

        async def ask() -> None:
            while True:
                began = own.seconds
                await client.send(f"round {seen.rounds}")
                answer = await client.recv()
                assert answer == f"round {seen.rounds}"
                seen.rounds += 1
                seen.waits.append(own.seconds - began)
                await asyncio.sleep(0.01)

        asking = asyncio.create_task(ask())
        try:
            yield seen
            assert not asking.done(), "the bystander's session broke"
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
    assert seen.rounds > 0
    assert max(seen.waits) < PATIENCE


def descriptors() -> int:
    """Open ones of this process."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count


def resident_bytes() -> int:
    """Memory of this process, garbage excluded."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
