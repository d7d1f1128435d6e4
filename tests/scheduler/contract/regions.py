"""Sessions whose worker was lost, and regions with room for them."""

from __future__ import annotations

from moorage.ids import SessionId, WorkerId
from scheduler.values import (
    Claimed,
    ClaimRequest,
    EndRecord,
    Registered,
    Usage,
    Wanted,
)
from tests.scheduler.builders import a_request, a_worker
from tests.scheduler.world import World

EU_US = Wanted(regions=("eu", "us"))
CARRIED = Usage(bytes_in=10, bytes_out=20, messages_in=1, messages_out=2)


def back(
    held: Claimed, world: World, *, wanted: Wanted = EU_US, wait_seconds: float = 0.0, user: str = "usr_one"
) -> ClaimRequest:
    """The session's client comes again."""
    return a_request(held.session, wanted=wanted, wait_seconds=wait_seconds, user=user, now=world.now)


async def a_displaced_one(world: World, worker: Registered, *, wanted: Wanted = EU_US) -> Claimed:
    """Held by this worker, which is then lost."""
    held = await world.held(a_request(wanted=wanted, now=world.now))
    assert held.worker == worker.worker
    world.silence(worker.worker)
    await world.advance(11)
    return held


async def a_full_worker(world: World, *, region: str, slots: int = 1) -> tuple[Registered, list[Claimed]]:
    """And who fills it."""
    worker = await world.worker(a_worker(region=region, slots=slots))
    wanted = Wanted(regions=(region,))
    return worker, [await world.held(a_request(wanted=wanted, now=world.now)) for _ in range(slots)]


async def used(world: World) -> dict[WorkerId, int]:
    return {view.worker: view.used for view in await world.store.workers()}


async def ends(world: World, session: SessionId) -> list[EndRecord]:
    """In the events."""
    return [event.end for event in await world.events(session) if event.end is not None]
