"""Where the fleet's truth lives in these flows: in this process, or in a real Valkey that everybody has a connection to.

`truth` is the test's own way to it. A `Reach` is that of one process, and can be cut. A place can go away as a whole and come
back, with all it knew (`come_back`) or with nothing (`lose_the_data`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, cast

import pytest

from moorage.ids import GatewayId
from scheduler.io.memory import MemoryStore
from scheduler.io.redis.store import RedisStore
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store, Unavailable
from scheduler.storeurl import parse_store_url
from scheduler.values import Notice
from tests.deadlines import SOON
from tests.flows.cables import Cable
from tests.redis_server import RedisServer

ON_EVERY_STORE = pytest.mark.parametrize("place", ["memory", "redis"], indirect=True)
"""For a module, or a test, that asks for the place, or for what stands on it."""

ON_REDIS_SLOWLY = pytest.mark.parametrize(
    "place", ["memory", pytest.param("redis", marks=pytest.mark.slow)], indirect=True
)
"""For those that take their time, where the store is not what they are about."""

AWAY_IN_EVERY_WAY = pytest.mark.parametrize("place", ["memory", "redis-killed", "redis-paused"], indirect=True)
"""For those that let it go away and come back with its data."""


class Reach(Protocol):
    """One process's way to the store."""

    store: Store

    def cut(self) -> None:
        """Nothing gets through, and the watch breaks."""

    def mend(self) -> None:
        """As before."""

    def break_watch(self) -> None:
        """As a connection that is gone; the next one is as good."""

    async def close(self) -> None:
        """Its process is gone."""


class Place(Protocol):
    """See the module. `begin` before use; the first policy holds."""

    truth: Store

    async def begin(self, policy: SchedulerPolicy | None = None) -> None: ...

    async def reach(self) -> Reach: ...

    def go_away(self) -> None: ...

    async def come_back(self) -> None: ...

    async def lose_the_data(self, away_seconds: float) -> None:
        """Away for so long, and empty after; with 0 nobody sees it go."""

    async def close(self) -> None: ...


class InMemory:
    """A MemoryStore."""

    truth: Store

    def __init__(self) -> None:
        self._policy: SchedulerPolicy | None = None
        self._reaches: list[MemoryReach] = []

    async def begin(self, policy: SchedulerPolicy | None = None) -> None:
        if not hasattr(self, "truth"):
            self._policy = policy
            self.truth = MemoryStore(policy=policy)

    async def reach(self) -> MemoryReach:
        self._reaches.append(MemoryReach(lambda: self.truth))
        return self._reaches[-1]

    def go_away(self) -> None:
        for reach in self._reaches:
            reach.cut()

    async def come_back(self) -> None:
        for reach in self._reaches:
            reach.mend()

    async def lose_the_data(self, away_seconds: float) -> None:
        if away_seconds:
            self.go_away()
        self.truth = MemoryStore(policy=self._policy)
        await asyncio.sleep(away_seconds)
        await self.come_back()

    async def close(self) -> None:
        pass


class MemoryReach:
    """A way to a store in this process; the store itself, as far as its user can tell."""

    def __init__(self, memory: Callable[[], Store]) -> None:
        self.is_cut = False
        self.store = cast(Store, self)
        self._memory = memory
        self._broken = asyncio.Event()

    def now(self) -> float:
        return self._memory().now()

    def cut(self) -> None:
        self.is_cut = True
        self.break_watch()

    def mend(self) -> None:
        self.is_cut = False

    def break_watch(self) -> None:
        self._broken.set()
        self._broken = asyncio.Event()

    async def close(self) -> None:
        self.cut()

    def watch(self, gateway: GatewayId) -> AsyncIterator[Notice]:
        return self._notices(self._memory().watch(gateway), self._broken)

    async def _notices(self, notices: AsyncIterator[Notice], broken: asyncio.Event) -> AsyncIterator[Notice]:
        breaking = asyncio.ensure_future(broken.wait())
        try:
            while True:
                coming: asyncio.Future[Notice] = asyncio.ensure_future(anext(notices))
                await asyncio.wait((coming, breaking), return_when=asyncio.FIRST_COMPLETED)
                if breaking.done() or self.is_cut:
                    coming.cancel()
                    with suppress(asyncio.CancelledError, StopAsyncIteration):
                        await coming
                    raise Unavailable("the connection is gone")
                yield coming.result()
        finally:
            breaking.cancel()
            coming.cancel()

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **named: Any) -> Any:
            if self.is_cut:
                raise Unavailable("cut off")
            return await getattr(self._memory(), name)(*args, **named)

        return call


class OnRedis:
    """A Valkey of its own for each place, and a RedisStore for each process."""

    truth: Store

    def __init__(self, folder: Path, *, keeps_data: bool = False, is_paused: bool = False) -> None:
        self.server = RedisServer(folder, keeps_data=keeps_data)
        self._is_paused = is_paused  # going away is SIGSTOP, not SIGKILL
        self._policy: SchedulerPolicy | None = None
        self._truth: RedisStore | None = None
        self._reaches: list[RedisReach] = []

    async def begin(self, policy: SchedulerPolicy | None = None) -> None:
        if self._truth is None:
            self._policy = policy
            await self.server.start()
            self._truth = RedisStore(parse_store_url(self.server.unix_url), policy)
            await self._truth.open()
            self.truth = self._truth

    async def reach(self) -> RedisReach:
        cable = await Cable(self.server.socket_path).lay()
        store = RedisStore(parse_store_url(f"redis://127.0.0.1:{cable.port}"), self._policy)
        self._reaches.append(RedisReach(store, cable))
        await store.open()
        return self._reaches[-1]

    def go_away(self) -> None:
        if self._is_paused:
            self.server.pause()
        else:
            self.server.kill()

    async def come_back(self) -> None:
        if self._is_paused:
            self.server.resume()
        else:
            await self.server.start()
        await self._answers()

    async def lose_the_data(self, away_seconds: float) -> None:
        if away_seconds:
            self.server.kill()
            await asyncio.sleep(away_seconds)
            await self.server.start()
            await self._answers()
        else:
            self.server.call("FLUSHALL")
            self.server.call("FUNCTION", "FLUSH")

    async def close(self) -> None:
        for reach in self._reaches:
            await reach.close()
        if self._truth is not None:
            await self._truth.close()
            self.server.stop()

    async def _answers(self) -> None:
        """The test's own connection takes a moment to come back."""
        async with asyncio.timeout(SOON):
            while True:
                with suppress(Unavailable):
                    await self.truth.drains()
                    return
                await asyncio.sleep(0.02)


class RedisReach:
    """A RedisStore over a cable."""

    def __init__(self, store: RedisStore, cable: Cable) -> None:
        self.store: Store = store
        self.cable = cable
        self._redis = store
        self._is_closed = False

    def cut(self) -> None:
        self.cable.cut()

    def mend(self) -> None:
        self.cable.mend()

    def break_watch(self) -> None:
        self.cable.shake()

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._redis.close()
            await self.cable.close()


def a_place(kind: str, folder: Path) -> Place:
    """One of memory, redis, redis-killed and redis-paused."""
    if kind == "memory":
        return InMemory()
    return OnRedis(folder, keeps_data=kind == "redis-killed", is_paused=kind == "redis-paused")
