"""All that differs between databases: how engines are opened, how a write begins, what an error means.

SQLite: WAL, one connection for writes (the writer lane) whose transactions begin IMMEDIATE, so that a read before a
write in the same transaction can never be overtaken. A server database uses one pool for both and locks rows itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from moorage.errors import Code, MoorageError, error_for

READERS = 4
RETRY_LOCKED = 1.0
RETRY_FULL = 30.0
_LOCKED = ("database is locked", "database table is locked", "database is busy")
_FULL = ("database or disk is full", "disk I/O error", "No space left on device")


@dataclass(frozen=True, slots=True)
class Engines:
    """Where reads and writes go; the same one on a server database."""

    reader: AsyncEngine
    writer: AsyncEngine

    async def dispose(self) -> None:
        """Closes every connection."""
        await self.writer.dispose()
        if self.reader is not self.writer:
            await self.reader.dispose()


def engines_for(url: str, busy_seconds: float) -> Engines:
    """Opens nothing yet. Raises sqlalchemy.exc.ArgumentError for a URL it does not know."""
    if not url.startswith("sqlite"):
        engine = create_async_engine(url, pool_timeout=busy_seconds, pool_pre_ping=True)
        return Engines(engine, engine)
    return Engines(
        _sqlite(url, "BEGIN", READERS, busy_seconds),
        _sqlite(url, "BEGIN IMMEDIATE", 1, busy_seconds),
    )


def typed(error: DBAPIError | PoolTimeoutError) -> MoorageError:
    """What a failed statement means to a caller: a lock is worth a retry soon, a full disk later; neither shows SQL."""
    said = str(getattr(error, "orig", error))
    if isinstance(error, PoolTimeoutError) or any(words in said for words in _LOCKED):
        detail = "the database is busy: nothing was changed, try again"
        return error_for(Code.STORE_UNAVAILABLE, detail, retry_after=RETRY_LOCKED)
    if isinstance(error, OperationalError) and any(words in said for words in _FULL):
        detail = "the database cannot be written, its disk may be full: nothing was changed, try again later"
        return error_for(Code.INTERNAL, detail, retry_after=RETRY_FULL)
    return error_for(
        Code.INTERNAL, "the database failed: the request id finds why in the logs", retry_after=RETRY_LOCKED
    )


def _sqlite(url: str, begin: str, connections: int, busy_seconds: float) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_size=connections, max_overflow=0, pool_timeout=busy_seconds, connect_args={"timeout": busy_seconds}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # transactions begin and end where we say so
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")  # WAL: a power cut may lose the last commits, never corrupts
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
