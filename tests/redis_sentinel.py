"""A primary, its replica and three sentinels, as real processes for a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.redis_server import RedisServer

NAME = "fleet"
READY_SECONDS = 40.0


class SentinelServer(RedisServer):
    """Watches a primary that is down after half a second of silence."""

    def __init__(self, folder: Path, primary: RedisServer) -> None:
        super().__init__(folder, arguments=("--sentinel",))
        self._watched = primary

    def _configuration(self) -> dict[str, str]:
        return {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "sentinel monitor": f"{NAME} 127.0.0.1 {self._watched.port} 2",
            "sentinel down-after-milliseconds": f"{NAME} 500",
            "sentinel failover-timeout": f"{NAME} 3000",
        }


class Watched:
    """What the sentinels watch, and they."""

    def __init__(self, primary: RedisServer, replica: RedisServer, sentinels: list[RedisServer]) -> None:
        self.primary = primary
        self.replica = replica
        self.sentinels = sentinels

    @property
    def url(self) -> str:
        """Through the sentinels."""
        return f"redis+sentinel://{','.join(f'127.0.0.1:{server.port}' for server in self.sentinels)}/{NAME}"

    def current_port(self) -> int:
        """Of the primary, as the first sentinel sees it."""
        found = self.sentinels[0].call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        assert isinstance(found, list)
        return int(found[1])

    async def _until_ready(self) -> None:
        async with asyncio.timeout(READY_SECONDS):
            while not all(self._is_ready(sentinel) for sentinel in self.sentinels):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def _is_ready(self, sentinel: RedisServer) -> bool:
        found = sentinel.call("SENTINEL", "MASTER", NAME)
        assert isinstance(found, list)
        facts = dict(zip(found[::2], found[1::2], strict=True))
        is_linked = b"master_link_status:up" in str(self.replica.call("INFO", "replication")).encode()
        return is_linked and (facts[b"num-slaves"], facts[b"num-other-sentinels"]) == (b"1", b"2")


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Watched]:
    """Running, and the sentinels know the replica and each other."""
    async with AsyncExitStack() as stack:
        primary = await stack.enter_async_context(RedisServer(folder / "primary"))
        options = {"replicaof": f"127.0.0.1 {primary.port}", "repl-diskless-sync-delay": "0"}
        replica = await stack.enter_async_context(RedisServer(folder / "replica", options=options))
        sentinels: list[RedisServer] = [
            await stack.enter_async_context(SentinelServer(folder / f"sentinel{number}", primary))
            for number in range(3)
        ]
        fleet = Watched(primary, replica, sentinels)
        await fleet._until_ready()
        yield fleet
