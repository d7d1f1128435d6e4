"""Links while the store is away."""

from __future__ import annotations

import asyncio
from hashlib import sha256

from gateway.io.link_server import LinkServer
from gateway.policy import GatewayPolicy
from moorage.ids import WorkerId
from moorage.link import (
    Ack,
    Goodbye,
    Heartbeat,
    LinkRefused,
)
from scheduler import values
from scheduler.io.memory import MemoryStore
from scheduler.store import Unavailable
from scheduler.values import JoinKey
from tests.gateway.io.workers_end import GATEWAY, REGISTER, a_link, hear, refused, say, welcomed
from tests.moorage.io.harbour import JOIN_KEY, closed


class MoodyStore(MemoryStore):
    """Away when told to be."""

    is_away = False
    takes_seconds = 0.0

    async def join_key(self, digest: str) -> JoinKey | None:
        self._check()
        return await super().join_key(digest)

    async def register(self, registration: values.Registration) -> values.Registered | values.Refused:
        self._check()
        return await super().register(registration)

    async def heartbeat(self, beat: values.Heartbeat) -> values.Beaten | values.Refused:
        self._check()
        await asyncio.sleep(self.takes_seconds)
        return await super().heartbeat(beat)

    async def remove(self, worker: WorkerId) -> values.Done | values.Refused:
        self._check()
        return await super().remove(worker)

    def _check(self) -> None:
        if self.is_away:
            raise Unavailable


async def test_while_the_store_is_away_links_stay_and_nothing_is_acknowledged() -> None:
    store = MoodyStore()
    await store.set_join_keys([JoinKey(sha256(JOIN_KEY.encode()).hexdigest(), "*", "*")])
    server = LinkServer(store, GATEWAY, GatewayPolicy(link_port=0))
    await server.start()
    async with a_link(server) as link, a_link(server, None) as late:
        await welcomed(link)
        await say(link, Heartbeat(1, 0))
        assert await hear(link) == Ack(1)

        store.is_away = True
        await say(link, Heartbeat(2, 0))
        assert await hear(link) == Ack(1)
        assert await refused(server) == (503, "STORE_UNAVAILABLE")
        await say(late, REGISTER)
        answer = await hear(late)
        assert isinstance(answer, LinkRefused)
        assert (answer.code.value, answer.retry_after) == ("STORE_UNAVAILABLE", 1.0)
        assert (await closed(late))[0] == 4504

        store.is_away = False
        await say(link, Heartbeat(3, 0))
        assert await hear(link) == Ack(3)

        store.is_away = True
        await say(link, Goodbye())
        assert (await closed(link))[0] == 1000
    await server.close()


async def test_while_the_store_takes_its_time_the_worker_hears_again_and_again_that_its_gateway_is_there() -> None:
    store = MoodyStore()
    await store.set_join_keys([JoinKey(sha256(JOIN_KEY.encode()).hexdigest(), "*", "*")])
    server = LinkServer(store, GATEWAY, GatewayPolicy(link_port=0))
    await server.start()
    async with a_link(server) as link:
        await welcomed(link)
        store.takes_seconds = 1.3
        await say(link, Heartbeat(1, 0))

        assert [await hear(link) for _ in range(3)] == [Ack(0), Ack(0), Ack(1)]
    await server.close()
