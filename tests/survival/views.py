"""How things stand by the store's own word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from scheduler.io.redis.store import RedisStore
from scheduler.store import Unavailable
from scheduler.storeurl import parse_store_url
from scheduler.values import SessionView, WorkerState, WorkerView
from tests.survival.history import SessionSeen, WorkerSeen

TRIES = 10  # each has the client's own deadline of some seconds


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisStore]:
    """A reader of its own, past every line that can be cut."""
    store = RedisStore(parse_store_url(url))
    try:
        await store.open()
        yield store
    finally:
        await store.close()


async def serving(url: str) -> set[str]:
    """Names of the workers that serve."""
    async with opened(url) as store:
        return {view.name for view in await store.workers() if view.state is WorkerState.SERVING}


Seen = tuple[tuple[WorkerSeen, ...], tuple[SessionSeen, ...]]


async def seen(url: str) -> Seen:
    """All workers and all live sessions; of one moment only once nothing moves any more. A slow machine is waited for."""
    for _ in range(TRIES):
        with suppress(Unavailable):
            return await _seen(url)
    return await _seen(url)


async def _seen(url: str) -> Seen:
    async with opened(url) as store:
        workers, sessions = await store.workers(), await store.sessions()
    return tuple(_worker(view) for view in workers), tuple(_session(view, workers) for view in sessions)


def _worker(view: WorkerView) -> WorkerSeen:
    return WorkerSeen(view.name, view.slots, view.state.value, view.reserved, view.held, view.suspended)


def _session(view: SessionView, workers: list[WorkerView]) -> SessionSeen:
    names = {worker.worker: worker.name for worker in workers}
    return SessionSeen(view.session, view.state.value, names.get(view.worker, view.worker))
