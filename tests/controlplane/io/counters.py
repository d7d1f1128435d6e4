"""A database with one counter in it, on both servers or on PostgreSQL alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.database import Database
from controlplane.io.troubles import FAILURES, typed
from controlplane.policy import DatabaseLimits
from moorage.errors import MoorageError
from tests.controlplane.io.databases import Databases, Postgresql
from tests.deadlines import SOON

COUNT = text("SELECT n FROM counter")
PATIENT = DatabaseLimits(busy_seconds=SOON, connections=5, connect_seconds=SOON, statement_seconds=SOON)
HASTY = DatabaseLimits(busy_seconds=0.2, connections=5)


@pytest.fixture
async def empty_url(databases: Databases, tmp_path: Path) -> AsyncIterator[str]:
    url = await databases.empty(tmp_path)
    yield url
    await databases.drop(url)


@pytest.fixture
async def counting(empty_url: str) -> AsyncIterator[Database]:
    database = await with_a_counter(empty_url)
    yield database
    await database.close()


@pytest.fixture
async def served(postgresql: Postgresql, tmp_path: Path) -> AsyncIterator[Database]:
    """On PostgreSQL alone."""
    url = await postgresql.empty(tmp_path)
    database = await with_a_counter(url)
    yield database
    await database.close()
    await postgresql.drop(url)


async def with_a_counter(url: str) -> Database:
    database = Database(url, PATIENT)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE counter (n INTEGER, name VARCHAR(9) UNIQUE)"))
        await connection.execute(text("INSERT INTO counter VALUES (0, 'a')"))
    return database


async def count(database: Database) -> int:
    return int((await database.ask(lambda connection: connection.execute(COUNT))).scalar_one())


async def set_to(connection: AsyncConnection, n: int) -> None:
    await connection.execute(text("UPDATE counter SET n = :n"), {"n": n})


def told(error: Exception) -> MoorageError:
    assert isinstance(error, FAILURES)
    return typed(error)
