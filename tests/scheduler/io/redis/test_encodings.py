"""How Redis keeps what every claim looks at: a hash of few short words is a list to it, searched from its start."""

from __future__ import annotations

from scheduler.io.redis.ground import region_tag
from tests.redis_server import RedisServer
from tests.scheduler.builders import NEAR, a_request, a_worker
from tests.scheduler.io.redis.opening import claimed, registered, stores


async def test_counts_rows_and_plans_are_tables_with_one_worker_already(server: RedisServer) -> None:
    async with stores(server, 1) as (store,):
        await store.join(NEAR, "wss://near")
        await registered(store, a_worker())
        await claimed(store, a_request(now=store.now()))
        shards = store._ground.shards

        found = {
            suffix: await shards.command("fleet", "OBJECT", "ENCODING", shards.key(region_tag("eu"), suffix))
            for suffix in (":used", ":spot", ":plans")
        }

    assert found == dict.fromkeys(found, b"hashtable")
