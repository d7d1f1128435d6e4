"""What readers see of what programs of other versions wrote."""

from __future__ import annotations

from scheduler.io.redis.ground import region_tag
from tests.redis_server import RedisServer
from tests.scheduler.builders import NEAR, a_request, a_worker
from tests.scheduler.io.redis.opening import claimed, registered, stores


async def test_of_a_worker_without_a_count_nobody_came_until_somebody_does(server: RedisServer) -> None:
    async with stores(server, 1) as (store,):
        await store.join(NEAR, "wss://near")
        joined = await registered(store, a_worker())
        await claimed(store, a_request(now=store.now()))
        await store._ground.command(region_tag("eu"), "HDEL", ":used", f"came:{joined.worker}")

        before = (await store.workers(), await store.worker(joined.worker))
        await claimed(store, a_request(now=store.now()))
        [after] = await store.workers()

    assert [(view.used, view.came) for view in (*before[0], before[1]) if view is not None] == [(1, 0)] * 2
    assert (after.used, after.came) == (2, 1)


async def test_nothing_of_a_count_is_left_of_a_worker_that_was_removed(server: RedisServer) -> None:
    async with stores(server, 1) as (store,):
        await store.join(NEAR, "wss://near")
        joined = await registered(store, a_worker())
        placed = await claimed(store, a_request(now=store.now()))
        await store.release(placed.session, placed.fence)

        await store.remove(joined.worker)

        fields = await store._ground.command(region_tag("eu"), "HKEYS", ":used")
        assert [field for field in fields if joined.worker.encode() in field] == []
