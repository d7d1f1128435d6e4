"""Named locks of one process, taken before the same lock of the database: who waits holds no connection meanwhile.

Without them one workspace's burst of creations would wait on all connections, and nobody else would get one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class Lanes:
    """Keeps a lock only while somebody uses it."""

    def __init__(self, busy_seconds: float) -> None:
        self._busy_seconds = busy_seconds
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def held(self, names: Iterable[str]) -> AsyncIterator[None]:
        """All of them, in one order for everybody. Raises SQLAlchemy's TimeoutError, as for a connection."""
        async with AsyncExitStack() as stack:
            for name in sorted(set(names)):
                await stack.enter_async_context(self._one(name))
            yield

    @asynccontextmanager
    async def _one(self, name: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(name, asyncio.Lock())
        self._users[name] += 1
        try:
            await self._take(lock)
            try:
                yield
            finally:
                lock.release()
        finally:
            self._users[name] -= 1
            if not self._users[name]:
                del self._users[name], self._locks[name]

    async def _take(self, lock: asyncio.Lock) -> None:
        try:
            async with asyncio.timeout(self._busy_seconds):
                await lock.acquire()
        except TimeoutError:
            raise PoolTimeoutError("others of the same lane took too long") from None
