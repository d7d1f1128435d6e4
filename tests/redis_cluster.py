"""A Redis Cluster of real processes for a test: primaries that share the slots evenly, and replicas of the first ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from scheduler.hashslots import SLOTS, slot_of
from tests.redis_server import RedisServer, free_port

READY_SECONDS = 40.0


class RedisCluster:
    """Its processes. `primary` is who was made one; who is one later, the cluster decides."""

    def __init__(self, primaries: list[RedisServer], replicas: list[RedisServer]) -> None:
        self.primaries = primaries
        self.replicas = replicas

    @property
    def url(self) -> str:
        """With two of them as seeds."""
        return f"redis+cluster://127.0.0.1:{self.primaries[0].port},127.0.0.1:{self.primaries[1].port}"

    def primary(self, key: str) -> RedisServer:
        """Who got the key's slot at the start."""
        share = -(-SLOTS // len(self.primaries))
        return self.primaries[slot_of(key.encode()) // share]

    def move_slot(self, slot: int, source: RedisServer, target: RedisServer) -> None:
        """The whole migration of an empty slot: from now on `source` answers MOVED."""
        name = node_id(target)
        for server in (target, source, *self.primaries):
            server.call("CLUSTER", "SETSLOT", slot, "NODE", name)

    async def start(self) -> None:
        """All processes, and waits until they serve together."""
        for server in (*self.primaries, *self.replicas):
            await server.start()
        await self._form()

    def stop(self) -> None:
        """All processes."""
        for server in (*self.primaries, *self.replicas):
            server.stop()

    async def _form(self) -> None:
        share = -(-SLOTS // len(self.primaries))
        everyone = [*self.primaries, *self.replicas]
        for number, server in enumerate(self.primaries):
            first, last = number * share, min(SLOTS, (number + 1) * share) - 1
            server.call("CLUSTER", "ADDSLOTSRANGE", first, last)
        for server in everyone[1:]:
            bus = everyone[0].option("cluster-port")
            server.call("CLUSTER", "MEET", "127.0.0.1", everyone[0].port, bus)
        async with asyncio.timeout(READY_SECONDS):
            await self._until_known(len(everyone))
            for replica, primary in zip(self.replicas, self.primaries, strict=False):
                replica.call("CLUSTER", "REPLICATE", node_id(primary))
            await self._until_serving()

    async def _until_known(self, many: int) -> None:
        while any(_info(server, "cluster_known_nodes") != str(many) for server in (*self.primaries, *self.replicas)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def _until_serving(self) -> None:
        while not (  # noqa: ASYNC110
            all(_info(server, "cluster_state") == "ok" for server in (*self.primaries, *self.replicas))
            and all("master_link_status:up" in _text(server.call("INFO", "replication")) for server in self.replicas)
        ):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def a_cluster(folder: Path, primaries: int = 3, replicas: int = 0) -> AsyncIterator[RedisCluster]:
    """Formed and serving. A primary that is gone for a second is replaced by its replica, if it has one."""
    cluster = _a_cluster(folder, primaries, replicas)
    try:
        await cluster.start()
        yield cluster
    finally:
        cluster.stop()


@contextmanager
def a_lasting_cluster(folder: Path) -> Iterator[RedisCluster]:
    """For many tests with a loop each."""
    cluster = _a_cluster(folder, 3, 0)
    try:
        asyncio.run(cluster.start())
        yield cluster
    finally:
        cluster.stop()


def _a_cluster(folder: Path, primaries: int, replicas: int) -> RedisCluster:
    servers = [RedisServer(folder / str(number), options=_options()) for number in range(primaries + replicas)]
    return RedisCluster(servers[:primaries], servers[primaries:])


def _options() -> dict[str, str]:
    return {
        "cluster-enabled": "yes",
        "cluster-port": str(free_port()),
        "cluster-node-timeout": "1000",
        "cluster-require-full-coverage": "no",
    }


def node_id(server: RedisServer) -> str:
    """What the cluster calls it."""
    return _text(server.call("CLUSTER", "MYID"))


def _text(reply: object) -> str:
    assert isinstance(reply, bytes)
    return reply.decode()


def _info(server: RedisServer, name: str) -> str:
    lines = dict(line.split(":", 1) for line in _text(server.call("CLUSTER", "INFO")).splitlines() if ":" in line)
    return lines[name]
