"""Tests of controlplane/io/migrate.py and the migrations: up, down, with rows, by several at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from controlplane.io.database import Database
from controlplane.io.migrate import NewerSchema
from controlplane.io.sql import early, keys, sessions, users
from controlplane.io.sql.tables import METADATA
from controlplane.keys import ApiKey
from controlplane.policy import DatabaseLimits
from tests.controlplane.builders import KEY, NOW, SESSION, USER, WORKSPACE, a_session, an_event
from tests.controlplane.io.databases import Databases
from tests.deadlines import SOON

FIRST = "0001"


@pytest.fixture
async def url(databases: Databases, tmp_path: Path) -> AsyncIterator[str]:
    url = await databases.empty(tmp_path)
    yield url
    await databases.drop(url)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url, DatabaseLimits(connect_seconds=SOON))
    yield database
    await database.close()


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


async def test_rows_of_the_first_revision_live_through_every_migration_and_back(database: Database) -> None:
    await database.migrate()
    async with database.write() as connection:
        await users.add_workspace(connection, WORKSPACE, "default", NOW)
        await keys.add(connection, ApiKey(KEY, WORKSPACE, "k", "d", "h", ("admin:all",), NOW))
        await users.user_or_new(connection, USER, WORKSPACE, "u1", NOW)
        await sessions.add(connection, a_session())
    await database.downgrade(FIRST)

    await database.migrate()
    async with database.write() as connection:
        assert await sessions.find(connection, SESSION) == a_session()
        await early.add(connection, [an_event("session.started")], NOW)

    await database.downgrade(FIRST)
    await database.migrate()
    async with database.read() as connection:
        assert await sessions.find(connection, SESSION) == a_session()
        assert await keys.by_digest(connection, "d") is not None


async def test_an_estimate_is_forgotten_by_who_goes_back_to_before_there_were_any(database: Database) -> None:
    await database.migrate()
    estimate = a_session(is_usage_estimated=True)
    async with database.write() as connection:
        await users.add_workspace(connection, WORKSPACE, "default", NOW)
        await keys.add(connection, ApiKey(KEY, WORKSPACE, "k", "d", "h", ("admin:all",), NOW))
        await users.user_or_new(connection, USER, WORKSPACE, "u1", NOW)
        await sessions.add(connection, estimate)
        assert await sessions.find(connection, SESSION) == estimate

    await database.downgrade("0003")
    await database.migrate()

    async with database.read() as connection:
        assert await sessions.find(connection, SESSION) == a_session(is_usage_estimated=False)


async def test_a_migration_that_fails_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(Exception, match="nonsense"):
        await database.migrate("nonsense")

    async with database.read() as connection:
        assert await connection.run_sync(_tables) == set()


async def test_control_planes_that_start_at_once_migrate_once(url: str) -> None:
    databases = [Database(url, DatabaseLimits(connect_seconds=SOON)) for _ in range(4)]

    await asyncio.gather(*(database.migrate() for database in databases))

    async with databases[0].read() as connection:
        assert await connection.run_sync(_differences) == []
    await asyncio.gather(*(database.close() for database in databases))


async def test_a_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    await database.migrate()
    await _migrated_by_a_newer_program(database, works_with="9998")

    with pytest.raises(NewerSchema, match="the database is at revision 9999, this Moorage knows revisions up to"):
        await database.migrate()


async def test_a_newer_schema_that_only_adds_is_used_as_it_is(database: Database) -> None:
    await database.migrate()
    await _migrated_by_a_newer_program(database, works_with=(await database.revisions()).wanted)

    await database.migrate()

    found = await database.revisions()
    assert found.is_usable_newer
    assert found.here == "9999"


async def test_the_schema_says_the_newest_that_any_migration_asks_for(database: Database) -> None:
    await database.migrate()

    assert (await database.revisions()).works_with == "0006"


async def _migrated_by_a_newer_program(database: Database, works_with: str) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(text("UPDATE schema_use SET works_with = :it"), {"it": works_with})


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())
