"""Tests of controlplane/io/database.py, dialect.py and the migrations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from controlplane.io.database import Database
from controlplane.io.dialect import engines_for, typed
from controlplane.io.sql.tables import METADATA
from moorage.errors import Code

COUNT = text("SELECT n FROM counter")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}", busy_seconds=0.2)
    yield database
    await database.close()


@pytest.fixture
async def counting(database: Database) -> Database:
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE counter (n INTEGER)"))
        await connection.execute(text("INSERT INTO counter VALUES (0)"))
    return database


async def test_migrations_make_exactly_the_tables_that_statements_use(database: Database) -> None:
    await database.migrate()

    async with database.read() as connection:
        assert await connection.run_sync(_differences) == []


async def test_migrations_go_down_to_nothing_and_up_again(database: Database) -> None:
    await database.migrate()

    await database.downgrade("base")
    async with database.read() as connection:
        assert await connection.run_sync(_tables) == {"alembic_version"}

    await database.migrate()
    async with database.read() as connection:
        assert await connection.run_sync(_tables) == {"alembic_version", *METADATA.tables}


async def test_a_migrated_database_is_left_as_it_is(database: Database) -> None:
    await database.migrate()
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO workspaces VALUES ('wsp_1', 'mine', 0)"))

    await database.migrate()

    async with database.read() as connection:
        assert (await connection.execute(text("SELECT name FROM workspaces"))).scalar_one() == "mine"


async def test_a_migration_that_fails_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(Exception, match="nonsense"):
        await database.migrate("nonsense")

    async with database.read() as connection:
        assert await connection.run_sync(_tables) == set()


async def test_writes_that_read_first_lose_no_update(counting: Database) -> None:
    async def add_one() -> None:
        async with counting.write() as connection:
            n = (await connection.execute(COUNT)).scalar_one()
            await asyncio.sleep(0)
            await connection.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})

    await asyncio.gather(*(add_one() for _ in range(50)))

    async with counting.read() as connection:
        assert (await connection.execute(COUNT)).scalar_one() == 50


async def test_a_write_that_raises_is_undone(counting: Database) -> None:
    async def write_half() -> None:
        async with counting.write() as connection:
            await connection.execute(text("UPDATE counter SET n = 7"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await write_half()

    async with counting.read() as connection:
        assert (await connection.execute(COUNT)).scalar_one() == 0


async def test_readers_are_not_held_up_by_a_writer(counting: Database) -> None:
    async with counting.write() as writing:
        await writing.execute(text("UPDATE counter SET n = 1"))
        async with counting.read() as reading:
            assert (await reading.execute(COUNT)).scalar_one() == 0


async def test_a_locked_database_is_said_so_in_bounded_time(counting: Database, tmp_path: Path) -> None:
    other = Database(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}", busy_seconds=0.2)
    began_at = monotonic()
    async with other.write():
        with pytest.raises(OperationalError) as failed:
            async with counting.write():
                pass
    await other.close()

    assert typed(failed.value).code is Code.STORE_UNAVAILABLE
    assert typed(failed.value).retry_after
    assert monotonic() - began_at < 2


async def test_a_busy_lane_is_said_so_in_bounded_time(counting: Database) -> None:
    async with counting.write():
        with pytest.raises(PoolTimeoutError) as failed:
            async with counting.write():
                pass

    assert typed(failed.value).code is Code.STORE_UNAVAILABLE


async def test_a_full_disk_is_said_so_and_over_once_there_is_room(counting: Database) -> None:
    async with counting.write() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(OperationalError) as failed:
        await _fill(counting)

    assert typed(failed.value).code is Code.INTERNAL
    assert typed(failed.value).retry_after == 30

    async with counting.write() as connection:
        await connection.execute(text("PRAGMA max_page_count=100000"))
    await _fill(counting)


async def test_any_other_failure_is_ours_and_shows_no_sql(counting: Database) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with counting.write() as connection:
            await connection.execute(text("SELECT secret FROM nowhere"))

    assert typed(failed.value).code is Code.INTERNAL
    assert "secret" not in typed(failed.value).detail


async def test_a_server_database_has_one_pool_for_both() -> None:
    pytest.importorskip("asyncpg")
    engines = engines_for("postgresql+asyncpg://localhost/none", 1.0)

    assert engines.reader is engines.writer
    await engines.dispose()


async def _fill(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE filler (said TEXT)"))
        for _ in range(50):
            await connection.execute(text("INSERT INTO filler VALUES (:said)"), {"said": "x" * 4000})


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())
