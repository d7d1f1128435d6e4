"""One database: reads beside each other, writes that are tried again where that is safe, migrations at start."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from controlplane.io.dialect import Engines, engines_for
from controlplane.io.lanes import Lanes
from controlplane.io.migrate import Revisions, downgrade, revisions, upgrade
from controlplane.io.troubles import FAILURES, Away, CommitUnknown, Trouble, trouble_of
from controlplane.policy import DatabaseLimits

PAUSES = (0.01, 0.05, 0.2, 0.5)
"""Before each further try."""
_AGAIN = frozenset({Trouble.RACED, Trouble.LOST})

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]


class Database:
    """Owns the engines. Raises what controlplane/io/troubles.py knows."""

    def __init__(self, url: str, limits: DatabaseLimits, retried: Callable[[str], None] = lambda trouble: None) -> None:
        self._url = url
        self._limits = limits
        self._retried = retried
        self._engines = engines_for(url, limits)
        self._lanes = Lanes(limits.busy_seconds)
        self.is_full = False  # the last write found no room

    async def ask(self, work: Work[T]) -> T:
        """What `work` reads; again on another connection if one was lost."""
        return await self._insist(lambda: self._asked(work))

    async def change(self, work: Work[T], *locks: str) -> T:
        """What `work` answers, its writes committed. A race or a lost connection runs it again, from the start: it must
        change nothing but rows. `locks` are names; one transaction at a time, of all control planes, has each."""
        return await self._insist(lambda: self._changed(work, locks))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view."""
        async with _connected(self._engines.reader) as connection:
            yield connection

    @asynccontextmanager
    async def write(self, *locks: str) -> AsyncIterator[AsyncConnection]:
        """One transaction, tried once: all of it is committed, or none."""
        async with self._lanes.held(locks), _writing(self._engines, locks) as connection:
            yield connection

    async def ping(self) -> None:
        """Raises where the database cannot be reached."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def migrate(self, revision: str = "head") -> None:
        """Up to a revision, in one transaction, one control plane at a time."""
        async with self._migrating() as connection:
            await connection.run_sync(upgrade, revision)

    async def revisions(self) -> Revisions:
        """Where its schema is; changes nothing."""
        async with self.read() as connection:
            return await connection.run_sync(revisions)

    async def downgrade(self, revision: str) -> None:
        """Down to a revision; "base" removes everything."""
        async with self._migrating() as connection:
            await connection.run_sync(downgrade, revision)

    async def close(self) -> None:
        """Closes every connection."""
        await self._engines.dispose()

    async def _insist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        for pause in PAUSES:
            try:
                return await attempt()
            except FAILURES as error:
                trouble = trouble_of(error)
                if trouble not in _AGAIN:
                    raise
                self._retried(trouble.name.lower())
            await asyncio.sleep(random.uniform(0.5, 1.0) * pause)
        return await attempt()

    async def _asked(self, work: Work[T]) -> T:
        async with self.read() as connection:
            return await work(connection)

    async def _changed(self, work: Work[T], locks: tuple[str, ...]) -> T:
        try:
            async with self.write(*locks) as connection:
                done = await work(connection)
        except FAILURES as error:
            self.is_full = trouble_of(error) is Trouble.FULL or (
                self.is_full and trouble_of(error) is not Trouble.RACED
            )
            raise
        self.is_full = False
        return done

    @asynccontextmanager
    async def _migrating(self) -> AsyncIterator[AsyncConnection]:
        """With engines of its own: it may take, and wait for another one's, far longer than a request."""
        patient = self._limits.migrate_seconds
        limits = replace(self._limits, busy_seconds=patient, statement_seconds=patient, idle_seconds=patient)
        engines = engines_for(self._url, replace(limits, connections=1))
        try:
            async with _writing(engines, ("migrations",)) as connection:
                yield connection
        finally:
            await engines.dispose()


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(engine.connect())
        except OSError as error:  # refused, unreachable, or no answer in time
            raise Away(f"the database cannot be reached: {error}") from error
        yield connection


@asynccontextmanager
async def _writing(engines: Engines, locks: tuple[str, ...]) -> AsyncIterator[AsyncConnection]:
    is_done = False
    try:
        async with _connected(engines.writer) as connection, connection.begin():
            if locks:
                await engines.lock(connection, locks)
            yield connection
            is_done = True
    except FAILURES as error:
        if is_done and trouble_of(error) is Trouble.LOST:
            raise CommitUnknown("the connection broke during the commit") from error
        raise
