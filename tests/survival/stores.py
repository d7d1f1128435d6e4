"""The store under test, in each of its forms: one server, a cluster of three, a primary with a replica and three sentinels.

`kill`, `revive`, `pause` and `resume` are of the server that matters most: the primary, or one of the cluster's nodes, whichever
has the region's shard. Data is kept; `folders` are where each era of it was written.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from tests.adversity.strait import Strait
from tests.redis_cluster import RedisCluster
from tests.redis_sentinel import SentinelServer, Watched
from tests.redis_server import RedisServer, free_port
from tests.survival.tap import OPTIONS

SHARD = "{moorage:local}"  # the workers' region
NODES = 3


class Stored(Protocol):
    """One form of it."""

    folders: list[list[Path]]
    """By era: the folders of append-only files that hold its events."""

    @property
    def url(self) -> str:
        """For programs."""

    @property
    def server(self) -> RedisServer:
        """Whom harm befalls."""

    async def start(self, stack: AsyncExitStack) -> None:
        """Everything; the stack stops it."""


class Single:
    """One server."""

    def __init__(self, folder: Path, program: str | None = None) -> None:
        self.server = RedisServer(folder, keeps_data=True, program=program, options=OPTIONS)
        self.folders = [[folder / "appendonlydir"]]

    @property
    def url(self) -> str:
        """Of that server."""
        return self.server.url

    async def start(self, stack: AsyncExitStack) -> None:
        """The server."""
        await stack.enter_async_context(self.server)

    async def lose(self, seconds: float) -> None:
        """Killed, and started again without its data: a new era."""
        self.server.kill()
        await asyncio.sleep(seconds)
        [written] = self.folders[-1]
        kept = written.with_name(f"era-{len(self.folders)}")
        written.rename(kept)
        self.folders[-1:] = [[kept], [written]]
        await self.server.start()


class Cluster:
    """Three primaries without replicas: what one has is away while it is."""

    def __init__(self, folder: Path) -> None:
        self._nodes = [
            RedisServer(folder / str(number), keeps_data=True, options={**OPTIONS, **_of_a_cluster()})
            for number in range(NODES)
        ]
        self._cluster = RedisCluster(self._nodes, [])
        self.folders = [[folder / str(number) / "appendonlydir" for number in range(NODES)]]

    @property
    def url(self) -> str:
        """With seeds."""
        return self._cluster.url

    @property
    def server(self) -> RedisServer:
        """The node that has the region's shard."""
        return self._cluster.primary(SHARD)

    async def start(self, stack: AsyncExitStack) -> None:
        """Formed and serving."""
        stack.callback(self._cluster.stop)
        await self._cluster.start()


class Replicated:
    """Primary, replica and sentinels. The primary takes no write that the replica does not: docs/redis.md asks for it."""

    def __init__(self, folder: Path) -> None:
        careful = {"min-replicas-to-write": "1", "min-replicas-max-lag": "1", "repl-diskless-sync-delay": "0"}
        self._options = {**OPTIONS, **careful}
        self._folder = folder
        self.server = RedisServer(folder / "primary", keeps_data=True, options=self._options)
        self.folders = [[folder / "replica" / "appendonlydir"]]  # it has all that both had

    @property
    def url(self) -> str:
        """Through the sentinels."""
        return self._watched.url

    async def start(self, stack: AsyncExitStack) -> None:
        """Running, and the sentinels know the replica and each other."""
        await stack.enter_async_context(self.server)
        self.line = await stack.enter_async_context(Strait(self.server.port))
        options = {**self._options, "replicaof": f"127.0.0.1 {self.line.port}"}
        replica = RedisServer(self._folder / "replica", keeps_data=True, options=options)
        await stack.enter_async_context(replica)
        sentinels: list[RedisServer] = [
            await stack.enter_async_context(SentinelServer(self._folder / f"sentinel{number}", self.server))
            for number in range(NODES)
        ]
        self._watched = Watched(self.server, replica, sentinels)
        await self._watched._until_ready()


def _of_a_cluster() -> dict[str, str]:
    return {
        "cluster-enabled": "yes",
        "cluster-port": str(free_port()),
        "cluster-node-timeout": "2000",
        "cluster-require-full-coverage": "no",
    }
