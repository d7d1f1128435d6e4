"""How a database's engines are opened and a write begins. Which database it is, is known here and nowhere above.

SQLite: WAL, one connection for writes (the writer lane) whose transactions begin IMMEDIATE, so that a read before a
write in the same transaction can never be overtaken. PostgreSQL: controlplane/io/postgresql.py.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiosqlite
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from controlplane.policy import DatabaseLimits

READERS = 4
_WAL_AGAIN_AFTER = 0.02
_THREAD_ENDS_WITHIN = 5.0


async def _no_lock(connection: AsyncConnection, names: Sequence[str]) -> None:
    """The writer lane is the lock."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Where reads and writes go, and how a transaction takes named locks that its end frees."""

    reader: AsyncEngine
    writer: AsyncEngine
    lock: Callable[[AsyncConnection, Sequence[str]], Awaitable[None]] = _no_lock

    async def dispose(self) -> None:
        """Closes every connection."""
        await self.writer.dispose()
        await self.reader.dispose()


def engines_for(url: str, limits: DatabaseLimits) -> Engines:
    """Opens nothing yet. Raises ValueError, without the password, for a URL it does not know or whose driver is missing."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("controlplane.database_url is no URL: postgresql://user:password@host/database") from None
    kind = parsed.get_backend_name()
    if kind in ("postgresql", "postgres"):
        from controlplane.io.postgresql import postgresql_engines  # who runs on SQLite needs no asyncpg

        return postgresql_engines(parsed, limits)
    if parsed.drivername not in ("sqlite", "sqlite+aiosqlite"):
        raise ValueError(f"controlplane.database_url: {parsed.drivername} is not supported, postgresql and sqlite are")
    return Engines(
        _sqlite(url, "BEGIN", READERS, limits.busy_seconds),
        _sqlite(url, "BEGIN IMMEDIATE", 1, limits.busy_seconds),
    )


def _sqlite(url: str, begin: str, connections: int, busy_seconds: float) -> AsyncEngine:
    engine = create_async_engine(
        make_url(url).set(drivername="sqlite+aiosqlite"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=busy_seconds,
        # Transactions begin and end where we say so.
        connect_args={"timeout": busy_seconds, "isolation_level": None, "async_creator_fn": _opened},
    )

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


async def _opened(path: str, *, timeout: float, **how: Any) -> aiosqlite.Connection:
    """A connection that is ready, or none and no thread of one: a thread that outlives the event loop ends with a traceback."""
    driver = aiosqlite.connect(path, timeout=timeout, **how)
    thread = driver._thread  # noqa: SLF001 - nothing else says when it has ended
    thread.daemon = True  # a connection that nobody closed keeps no program from ending
    try:
        await driver
        await _write_ahead(driver, timeout)
        await driver.execute("PRAGMA synchronous=NORMAL")  # WAL: a power cut may lose the last commits, never corrupts
        await driver.execute("PRAGMA foreign_keys=ON")
    except BaseException:
        await driver.close()
        await asyncio.to_thread(thread.join, _THREAD_ENDS_WITHIN)
        raise
    return driver


async def _write_ahead(driver: aiosqlite.Connection, within: float) -> None:
    """Only a new file is not in WAL mode yet. While another program turns it there, or writes, SQLite says "locked" at once,
    without its busy timeout: the change would wait for a lock that it cannot be given while it has its own."""
    clock = asyncio.get_running_loop().time
    until = clock() + within
    while True:
        try:
            cursor = await driver.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or clock() >= until:
                raise
            await asyncio.sleep(_WAL_AGAIN_AFTER)
        else:
            await cursor.close()
            return
