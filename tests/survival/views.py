"""How things stand by the store's own word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scheduler.io.redis.store import RedisStore
from scheduler.storeurl import parse_store_url
from scheduler.values import SessionView, WorkerState, WorkerView
from tests.survival.history import SessionSeen, WorkerSeen


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisStore]:
    """A reader of its own, past every line that can be cut."""
    store = RedisStore(parse_store_url(url))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def serving(url: str) -> set[str]:
    """Names of the workers that serve."""
    async with opened(url) as store:
        return {view.name for view in await store.workers() if view.state is WorkerState.SERVING}


async def seen(url: str) -> tuple[tuple[WorkerSeen, ...], tuple[SessionSeen, ...]]:
    """All workers and all live sessions; of one moment only once nothing moves any more."""
    async with opened(url) as store:
        workers, sessions = await store.workers(), await store.sessions()
    return tuple(_worker(view) for view in workers), tuple(_session(view, workers) for view in sessions)


def _worker(view: WorkerView) -> WorkerSeen:
    return WorkerSeen(view.name, view.slots, view.state.value, view.reserved, view.held, view.suspended)


def _session(view: SessionView, workers: list[WorkerView]) -> SessionSeen:
    names = {worker.worker: worker.name for worker in workers}
    return SessionSeen(view.session, view.state.value, names.get(view.worker, view.worker))
