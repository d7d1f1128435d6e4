"""A server that comes back without its last writes: what was confirmed in them is adopted, not closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scheduler.io.redis.ground import FLEET
from scheduler.io.redis.store import RedisStore
from scheduler.storeurl import parse_store_url
from scheduler.values import Claimed, ClaimState, End, Ended, Held, Outcome, Registered, SessionOnWorker, SessionView
from tests.redis_server import RedisServer
from tests.scheduler.builders import NEAR, a_held, a_request, a_worker
from tests.scheduler.io.redis.opening import claimed, stores

OPTIONS = {"save": "3600 1000000", "appendonly": "no"}  # by SAVE alone


@asynccontextmanager
async def opened(server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(parse_store_url(server.unix_url))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def attach(store: RedisStore, worker: Registered) -> Held:
    """A session as its gateway would name it."""
    claimed = await store.claim(a_request(now=store.now()))
    assert isinstance(claimed, Claimed)
    await store.confirm(claimed.session, claimed.fence)
    return a_held(claimed.session, claimed.fence, worker.worker)._replace(expires_at=store.now() + 60)


async def test_a_session_of_the_lost_moment_is_taken_up_by_the_gateway_that_relays_it(tmp_path: Path) -> None:
    async with RedisServer(tmp_path, options=OPTIONS) as server:
        async with opened(server) as store:
            await store.join(NEAR, "wss://near")
            worker = await store.register(a_worker())
            assert isinstance(worker, Registered)
            old = await attach(store, worker)
            await store.adopt(NEAR, [old])
            server.call("SAVE")
            young = await attach(store, worker)

        await server.restart()

        async with opened(server) as store:
            adopted = await store.adopt(NEAR, [old, young])
            views = [await store.session(one.session) for one in (old, young)]
            listed = tuple(SessionOnWorker(one.session, one.fence, True) for one in (old, young))
            await store.register(a_worker(again=worker.worker, claim_key=worker.claim_key, sessions=listed))
            view = await store.worker(worker.worker)

    assert adopted.stale == []
    assert [one.state for one in views if isinstance(one, SessionView)] == [ClaimState.HELD] * 2
    assert view is not None
    assert view.used == 2


@pytest.mark.parametrize("many", [1, 3])
async def test_sessions_end_whose_counts_are_lost(server: RedisServer, many: int) -> None:
    """Alone, and several in one call."""
    async with stores(server, 1) as (store,):
        await store.join(NEAR, "wss://near")
        await store.register(a_worker())
        held = [await claimed(store, a_request(now=store.now())) for _ in range(many)]
        await store._ground.command(FLEET, "HDEL", ":s", "#uusr_one", "#kkey_one", "#wwsp_one")

        ends = [End(one.session, Outcome.COMPLETED, None, "TEST", "client", one.fence) for one in held]
        found = await asyncio.gather(*(store.end(end) for end in ends))

        assert all(isinstance(one, Ended) for one in found)
        assert await store._ground.command(FLEET, "EXISTS", ":s") == 0
        assert [worker.used for worker in await store.workers()] == [0]
