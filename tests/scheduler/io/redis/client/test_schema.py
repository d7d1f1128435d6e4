"""A store of another version is refused, at the start and when it turns up later."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from scheduler.hashslots import parse_slots, slot_of
from scheduler.io.redis.client.failures import StoreFailed
from scheduler.io.redis.client.schema import VERSION, WrongSchema, schema_key, schema_key_of
from scheduler.storeurl import Address
from tests.redis_server import RedisServer
from tests.scheduler.io.redis.client.test_shards import COUNT, opened, refused

OTHER = VERSION + 1


async def test_the_first_to_come_writes_its_version(server: RedisServer) -> None:
    async with opened(server.url):
        pass
    async with opened(server.url):
        assert str(VERSION).encode() == server.call("GET", schema_key("moorage"))


async def test_another_version_is_refused_with_both_named_and_what_to_do(server: RedisServer) -> None:
    server.call("SET", schema_key("moorage"), OTHER)

    await refused(server.url, WrongSchema, rf"schema version {OTHER}, this program speaks {VERSION}.*prefix=")
    async with opened(server.url + "?prefix=mine"):
        pass


async def test_another_version_that_turns_up_after_a_loss_of_data_fails_calls_at_once(server: RedisServer) -> None:
    failures: Counter[str] = Counter()
    async with opened(server.url, failures) as shards:
        server.call("SET", schema_key("moorage"), OTHER)
        server.call("CLIENT", "KILL", "TYPE", "normal")
        async with asyncio.timeout(5):
            while not failures["schema"]:  # noqa: ASYNC110 - the counter is the client's
                await asyncio.sleep(0.01)

        with pytest.raises(StoreFailed, match="schema version"):
            await shards.run(COUNT, "eu", 1)


async def test_a_full_server_lets_us_in_all_the_same(server: RedisServer) -> None:
    server.configure("maxmemory", "1")

    async with opened(server.url) as shards:
        with pytest.raises(StoreFailed, match="give it more memory"):
            await shards.run(COUNT, "eu", 1)


def test_each_primary_of_a_cluster_has_a_key_of_its_own() -> None:
    asked = Address("h", 1)
    slots = parse_slots([[0, 5000, [b"a", 1]], [5001, 11000, [b"b", 1]], [11001, 16383, [b"c", 1]]], asked)

    keys = {host: schema_key_of("moorage", slots, Address(host, 1)) for host in ("a", "b", "c", "d")}

    assert keys.pop("d") is None
    assert {host: slots.primary(slot_of(key or b"")) for host, key in keys.items()} == {
        host: Address(host, 1) for host in "abc"
    }
