"""The databases that tests run on: empty ones and migrated ones, cheap enough for one a test."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.database import Database
from controlplane.policy import DatabaseLimits
from tests.controlplane.io.postgresql_server import PostgresqlServer
from tests.deadlines import SOON

_NUMBERS = count()


class Databases(ABC):
    """One kind of database. A migrated one is a copy of a template that is made once."""

    name: str
    _template: str | None = None

    @abstractmethod
    async def empty(self, folder: Path) -> str:
        """The URL of a new one; a folder of the test's own may hold it."""

    @abstractmethod
    async def _copy(self, template: str, folder: Path) -> str: ...

    @abstractmethod
    async def drop(self, url: str) -> None:
        """Forgets it, whoever is still connected."""

    @abstractmethod
    def locked(self, url: str) -> AbstractAsyncContextManager[None]:
        """An async context manager: another program holds what every write needs."""

    @abstractmethod
    async def plan(self, connection: AsyncConnection, said: str, given: Any) -> list[str]:
        """The steps by which a statement would be answered, were the tables large."""

    async def migrated(self, folder: Path) -> str:
        """The URL of a new one with all tables."""
        if self._template is None:
            raise RuntimeError("prepare() first")
        return await self._copy(self._template, folder)

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """After the last test."""

    async def prepare(self, folder: Path) -> None:
        """Makes the template."""
        url = await self.empty(folder)
        database = Database(url, DatabaseLimits(connect_seconds=SOON))
        await database.migrate()
        await database.close()
        self._template = url


class Sqlite(Databases):
    """Files."""

    name = "sqlite"

    async def empty(self, folder: Path) -> str:
        return f"sqlite+aiosqlite:///{folder / 'moorage.db'}"

    async def _copy(self, template: str, folder: Path) -> str:
        url = await self.empty(folder)
        shutil.copy(_file(template), _file(url))
        return url

    async def drop(self, url: str) -> None:
        """The folder goes with the test."""

    @asynccontextmanager
    async def locked(self, url: str) -> AsyncIterator[None]:
        other = sqlite3.connect(_file(url), isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # our own writer may need the loop to finish first
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()

    async def plan(self, connection: AsyncConnection, said: str, given: Any) -> list[str]:
        rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", given)
        return [str(row["detail"]) for row in rows.mappings()]


class Postgresql(Databases):
    """Databases of one server."""

    name = "postgresql"

    def __init__(self, server: PostgresqlServer) -> None:
        self._server = server

    async def empty(self, folder: Path) -> str:
        return await self._created("template0")

    async def _copy(self, template: str, folder: Path) -> str:
        return await self._created(_database(template))

    async def drop(self, url: str) -> None:
        await self._execute("postgres", f"DROP DATABASE {_database(url)} WITH (FORCE)")

    @asynccontextmanager
    async def locked(self, url: str) -> AsyncIterator[None]:
        async with self._connected(_database(url)) as other, other.transaction():
            await other.execute("LOCK TABLE sessions, api_keys, users IN EXCLUSIVE MODE")
            yield

    async def plan(self, connection: AsyncConnection, said: str, given: Any) -> list[str]:
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # these tables are small
        return [str(row[0]) for row in await connection.exec_driver_sql(f"EXPLAIN {said}", given)]

    async def cut(self, url: str) -> None:
        """Ends every connection to it, as a restart of the server does; returns when they are gone."""
        async with self._connected("postgres") as connection:
            said = "SELECT pg_terminate_backend(pid, 10_000) FROM pg_stat_activity WHERE datname = $1"
            await connection.execute(said, _database(url))

    async def _created(self, template: str) -> str:
        name = f"moorage_{next(_NUMBERS)}"
        # file_copy: 8 ms, the default strategy 20 to 55
        await self._execute("postgres", f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self._url(name)

    def _url(self, database: str) -> str:
        return self._server.url(database)

    async def _execute(self, database: str, said: str) -> None:
        async with self._connected(database) as connection:
            await connection.execute(said)

    @asynccontextmanager
    async def _connected(self, database: str) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(host=str(self._server.folder), user="postgres", database=database)
        try:
            yield connection
        finally:
            await connection.close()


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite+aiosqlite:///"))


def _database(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
