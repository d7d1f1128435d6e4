"""Tests of controlplane/io/database.py: every wait for a database has a bound, and says what was waited for."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.database import Database
from controlplane.io.troubles import Away, CommitUnknown
from controlplane.policy import DatabaseLimits
from moorage.errors import Code
from tests.controlplane.io.counters import (
    HASTY,
    count,
    counting,
    empty_url,
    served,
    set_to,
    told,
    with_a_counter,
)
from tests.controlplane.io.databases import Postgresql
from tests.owntime import own_time

__all__ = ["counting", "empty_url", "served"]


async def test_a_locked_database_is_said_so_in_bounded_time(counting: Database, empty_url: str) -> None:
    hasty = Database(empty_url, HASTY)
    async with own_time() as own, counting.write("one") as connection:
        await set_to(connection, 1)
        with pytest.raises((DBAPIError, PoolTimeoutError)) as failed:
            await hasty.change(lambda connection: set_to(connection, 2), "one")
    await hasty.close()

    assert told(failed.value).code is Code.STORE_UNAVAILABLE
    assert told(failed.value).retry_after
    assert own.seconds < 2


async def test_a_busy_lane_is_said_so_in_bounded_time(counting: Database, empty_url: str) -> None:
    hasty = Database(empty_url, HASTY)
    async with hasty.write("one"):
        with pytest.raises((DBAPIError, PoolTimeoutError)) as failed:
            async with hasty.write("one"):
                pass
    await hasty.close()

    assert told(failed.value).code is Code.STORE_UNAVAILABLE


async def test_a_full_disk_is_said_so_and_over_once_there_is_room(tmp_path: Path) -> None:
    database = await with_a_counter(f"sqlite+aiosqlite:///{tmp_path / 'small.db'}")
    async with database.write() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(OperationalError) as failed:
        await database.change(_fill)

    assert told(failed.value).code is Code.INTERNAL
    assert told(failed.value).retry_after == 30
    was_full = database.is_full  # which /readyz shows

    async with database.write() as connection:
        await connection.execute(text("PRAGMA max_page_count=100000"))
    await database.change(_fill)
    assert [was_full, database.is_full] == [True, False]
    await database.close()


async def test_a_server_that_is_not_there_is_away(tmp_path: Path) -> None:
    pytest.importorskip("asyncpg")
    database = Database(f"postgresql://postgres@/none?host={tmp_path}", HASTY)

    with pytest.raises(Away) as failed:
        await database.ping()
    await database.close()

    assert told(failed.value).code is Code.STORE_UNAVAILABLE


async def test_a_server_that_says_nothing_is_away_in_bounded_time() -> None:
    pytest.importorskip("asyncpg")
    with socket.create_server(("127.0.0.1", 0)) as quiet:
        url = f"postgresql://u:p@127.0.0.1:{quiet.getsockname()[1]}/x"
        database = Database(url, DatabaseLimits(connect_seconds=0.1))

        with pytest.raises(Away):
            await database.ping()

        await database.close()


async def test_a_statement_that_takes_too_long_is_ended(postgresql: Postgresql, served: Database) -> None:
    hasty = Database(served._url, DatabaseLimits(statement_seconds=0.3))

    with pytest.raises(DBAPIError) as failed:
        await hasty.ask(lambda connection: connection.execute(text("SELECT pg_sleep(5)")))
    await hasty.close()

    assert told(failed.value).code is Code.STORE_UNAVAILABLE


async def test_a_transaction_that_does_nothing_holds_its_locks_in_bounded_time(served: Database) -> None:
    idle = Database(served._url, DatabaseLimits(idle_seconds=0.3))

    async def do_nothing(connection: AsyncConnection) -> None:
        await set_to(connection, 1)
        await served.change(lambda other: set_to(other, 2))  # waits until this one is cut off

    with pytest.raises(CommitUnknown):
        await idle.change(do_nothing)
    await idle.close()

    assert await count(served) == 2


async def _fill(connection: AsyncConnection) -> None:
    await connection.execute(text("CREATE TABLE filler (said TEXT)"))
    for _ in range(50):
        await connection.execute(text("INSERT INTO filler VALUES (:said)"), {"said": "x" * 4000})
