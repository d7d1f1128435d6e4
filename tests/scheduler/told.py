"""All that a gateway was told up to now, however fast the store's messages travel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import msgpack

from moorage.ids import GatewayId, RequestId
from scheduler.io.memory import MemoryStore
from scheduler.io.redis.ground import FLEET
from scheduler.io.redis.store import RedisStore
from scheduler.store import Store
from scheduler.values import Notice, Probed
from tests.deadlines import SOON

_barriers = count(1)


async def told(store: Store, gateway: GatewayId, notices: AsyncIterator[Notice]) -> list[Notice]:
    """What came before a notice of our own, the answer to a probe that nobody asked for."""
    last = Probed(RequestId(f"req_barrier_{next(_barriers)}"), is_alive=True)
    if isinstance(store, MemoryStore):
        store._fleet.mail.put(gateway, last)
    else:
        assert isinstance(store, RedisStore)
        await asyncio.gather(*store._spread._tasks)
        word = msgpack.packb(["probed", last.request, True])
        await store._ground.command(FLEET, "SPUBLISH", f":g:{gateway}", word)
    read: list[Notice] = []
    async with asyncio.timeout(SOON):
        while (notice := await anext(notices)) != last:
            read.append(notice)
    return read
