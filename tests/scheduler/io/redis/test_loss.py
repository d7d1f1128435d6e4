"""A server that lost everything, under processes that outlived it and under those that come after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from scheduler.io.redis.store import RedisStore
from scheduler.storeurl import parse_store_url
from scheduler.values import Claimed, Registered
from tests.redis_server import RedisServer
from tests.scheduler.builders import NEAR, a_request, a_worker


@asynccontextmanager
async def opened(server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(parse_store_url(server.url))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def test_regions_that_a_loss_took_are_known_to_those_who_come_after(server: RedisServer) -> None:
    async with opened(server) as old:
        worker = await old.register(a_worker())
        assert isinstance(worker, Registered)
        server.call("FLUSHALL")
        await old.register(replace(a_worker(), again=worker.worker, claim_key=worker.claim_key))

        async with opened(server) as new:
            await new.join(NEAR, "wss://near")
            shown = [view.worker for view in await new.workers()]
            answer = await new.claim(a_request(now=new.now()))

    assert shown == [worker.worker]
    assert isinstance(answer, Claimed)
