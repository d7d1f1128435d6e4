"""How full a real server is, as the store says it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from scheduler.io.redis.fullness import said_memory
from scheduler.io.redis.store import RedisStore
from scheduler.store import Unavailable
from scheduler.storeurl import parse_store_url
from tests.redis_server import RedisServer
from tests.scheduler.builders import NEAR


async def test_a_bounded_server_says_what_it_uses_and_may_use(server: RedisServer) -> None:
    server.call("CONFIG", "SET", "maxmemory", "123456789")
    store = RedisStore(parse_store_url(server.url))
    await store.open()

    try:
        await store.join(NEAR, "wss://near")
        used, allowed = await store.memory_bytes()
    finally:
        await store.close()

    assert 0 < used < allowed == 123456789


async def test_a_server_that_refuses_the_question_is_unavailable_for_it_alone(server: RedisServer) -> None:
    store = RedisStore(parse_store_url(server.url))
    await store.open()
    server.call("ACL", "SETUSER", "default", "-info")

    try:
        with pytest.raises(Unavailable):
            await store.memory_bytes()
        nodes = await store.nodes()
    finally:
        with suppress(Unavailable):
            await store.close()

    assert nodes == {}


def test_what_is_not_said_is_nothing() -> None:
    assert said_memory(b"# Memory\r\nused_memory_human:1K\r\n") == (0, 0)
