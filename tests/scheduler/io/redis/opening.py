"""Stores on one server, each as a process of its own has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from scheduler.io.redis.store import RedisStore
from scheduler.policy import SchedulerPolicy
from scheduler.storeurl import parse_store_url
from scheduler.values import Claimed, ClaimRequest, Registered, Registration
from tests.redis_server import RedisServer


@asynccontextmanager
async def stores(
    server: RedisServer, many: int, *policies: SchedulerPolicy, is_split: bool = False
) -> AsyncIterator[list[RedisStore]]:
    """So many, with the server's clock."""
    async with AsyncExitStack() as stack:
        made: list[RedisStore] = []
        for number in range(many):
            policy = policies[number] if number < len(policies) else SchedulerPolicy()
            store = RedisStore(parse_store_url(server.unix_url), policy, is_split=is_split)
            await store.open()
            stack.push_async_callback(store.close)
            made.append(store)
        yield made


async def registered(store: RedisStore, said: Registration) -> Registered:
    """There is nothing against it."""
    answer = await store.register(said)
    assert isinstance(answer, Registered), answer
    return answer


async def claimed(store: RedisStore, request: ClaimRequest) -> Claimed:
    """There is room."""
    answer = await store.claim(request)
    assert isinstance(answer, Claimed), answer
    return answer
