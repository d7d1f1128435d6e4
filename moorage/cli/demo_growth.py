"""The demo's crowd: more sessions than slots. The fleet grows, who waited comes in, it shrinks again, and nobody is cut."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

import moorage
from moorage.cli import running
from moorage.cli.demo_cast import Client, StoryBroke, call, create, talk

if TYPE_CHECKING:
    import httpx

    from moorage.cli.demo import Stage

CROWD = 12
FEWEST = 2
ELASTIC = ("--min-workers", str(FEWEST), "--max-workers", "5", "--slots", "4", "--shrink-after", "2")
GROWN_WITHIN = 30.0
SHRUNK_WITHIN = 45.0
LOOK_EVERY = 0.2


@dataclass(frozen=True, slots=True)
class Venue:
    """Where the crowd comes to."""

    stage: Stage
    api: httpx.AsyncClient
    trusted: SSLContext | None
    data: Path


async def crowd(venue: Venue, regulars: list[Client]) -> None:
    """The whole of it. Raises StoryBroke."""
    if await _until(GROWN_WITHIN, lambda: _is_whole(venue)) is None:
        raise StoryBroke("the worker that was killed has no successor")
    async with AsyncExitStack() as their_things:
        with venue.stage.step(f"{CROWD} more sessions than yet, all at once: more than there are slots"):
            guests = [await create(venue.api, f"guest-{number}") for number in range(1, CROWD + 1)]
            before = await _serving(venue)
            waits = await asyncio.gather(*(_enter(venue, guest, their_things) for guest in guests))
            grown = await _serving(venue)
            venue.stage.say(
                f"{sum(wait < 1.0 for wait in waits)} came in at once, the others waited in the queue for workers"
            )
            venue.stage.say(f"the longest wait was {max(waits):.1f} s; workers {before} -> {grown}")
            venue.stage.say(await _why(venue))
            if grown <= before:
                raise StoryBroke(f"the fleet did not grow: {before} workers before, {grown} with {CROWD} more sessions")
        with venue.stage.step("They leave, and the fleet shrinks to what is needed"):
            for guest in guests:
                await guest.line.close()
            took = await _until(SHRUNK_WITHIN, lambda: _is_back(venue, before))
            if took is None:
                raise StoryBroke(f"the fleet did not shrink to {before} workers within {SHRUNK_WITHIN:.0f} s")
            ends = [(await call(venue.api, "GET", f"/sessions/{guest.session}"))["status"] for guest in guests]
            if set(ends) != {"COMPLETED"}:
                raise StoryBroke(f"of the guests' sessions some did not end well: {sorted(set(ends))}")
            venue.stage.say(
                f"workers {grown} -> {before} after {took:.1f} s; all {CROWD} sessions COMPLETED, none was cut"
            )
            await asyncio.gather(*(talk(venue.stage, regular) for regular in regulars))


async def _enter(venue: Venue, guest: Client, their_things: AsyncExitStack) -> float:
    """How long it waited for its first reply."""
    began_at = time.monotonic()
    async with asyncio.timeout(GROWN_WITHIN):
        connection = moorage.connect(guest.url, guest.token, ssl=venue.trusted)
        guest.ws = await their_things.enter_async_context(connection)
        await guest.line.send("here I am")
        await guest.line.recv()
    return time.monotonic() - began_at


async def _names(venue: Venue, *states: str) -> set[str]:
    listed = (await call(venue.api, "GET", "/workers"))["workers"]
    return {worker["name"] for worker in listed if worker["status"] in states}


async def _serving(venue: Venue) -> int:
    return len(await _names(venue, "serving"))


async def _is_whole(venue: Venue) -> bool:
    """Whether exactly the processes that run serve: for its first seconds a dead worker still looks alive."""
    here = running.read(venue.data)
    names = {worker.name for worker in here.workers} if here else set()
    return len(names) >= FEWEST and names == await _names(venue, "serving", "suspect")


async def _is_back(venue: Venue, workers: int) -> bool:
    return len(await _names(venue, "serving", "cordoned", "retired")) == workers


async def _why(venue: Venue) -> str:
    """The autoscaler's own words."""
    found = (await call(venue.api, "GET", "/pools/default/decisions?limit=20"))["decisions"]
    changes: list[dict[str, Any]] = [each["document"] for each in found if each["is_change"] and each["document"]]
    raises = [each for each in changes if (each["done"]["replicas"] or 0) > (each["inputs"]["replicas"] or 0)]
    return f"why: {raises[-1]['reason']}" if raises else "why: nobody wrote it down"


async def _until(within: float, holds: Callable[[], Awaitable[bool]]) -> float | None:
    """Seconds until it did; None where it did not in time."""
    began_at = time.monotonic()
    while time.monotonic() < began_at + within:
        if await holds():
            return time.monotonic() - began_at
        await asyncio.sleep(LOOK_EVERY)
    return None
