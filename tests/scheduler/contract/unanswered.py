"""Clients that come back to a worker that does not answer, for the tests of what becomes of them."""

from __future__ import annotations

from scheduler.values import (
    Claimed,
    ClaimRequest,
    Refused,
    Usage,
)
from tests.scheduler.builders import a_request
from tests.scheduler.world import World


async def unanswered(world: World, **said: object) -> tuple[Claimed, ClaimRequest]:
    """A session that was here and comes again; its worker does not answer, and `move` has no other for it. What it has, and
    the request that goes on with it."""
    first = await world.attach()
    await world.store.suspend(first.session, first.fence, Usage(1, 2, 3, 4), is_worker_lost=True)
    back = await world.claimed(a_request(first.session, now=world.now))
    return back, await in_vain(world, back, **said)


async def in_vain(world: World, claimed: Claimed, **said: object) -> ClaimRequest:
    moved = await world.store.move(claimed.session, claimed.fence)
    assert isinstance(moved, Refused), moved
    wishes: dict[str, object] = {"wait_seconds": 30.0, "now": world.now, **said}
    return a_request(claimed.session, **wishes)._replace(unreached=claimed.fence)  # type: ignore[arg-type]
