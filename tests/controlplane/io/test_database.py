"""Tests of controlplane/io/database.py: reads, writes and what is tried again, on both databases."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.database import PAUSES, Database
from controlplane.io.troubles import FAILURES, Away, CommitUnknown, typed
from controlplane.policy import DatabaseLimits
from moorage.errors import Code, MoorageError
from tests.controlplane.io.databases import Databases, Postgresql

COUNT = text("SELECT n FROM counter")
LIMITS = DatabaseLimits(busy_seconds=0.2, connections=5)


@pytest.fixture
async def empty_url(databases: Databases, tmp_path: Path) -> AsyncIterator[str]:
    url = await databases.empty(tmp_path)
    yield url
    await databases.drop(url)


@pytest.fixture
async def counting(empty_url: str) -> AsyncIterator[Database]:
    database = await _counting(empty_url)
    yield database
    await database.close()


@pytest.fixture
async def served(postgresql: Postgresql, tmp_path: Path) -> AsyncIterator[Database]:
    """On PostgreSQL alone."""
    url = await postgresql.empty(tmp_path)
    database = await _counting(url)
    yield database
    await database.close()
    await postgresql.drop(url)


async def _counting(url: str) -> Database:
    database = Database(url, LIMITS)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE counter (n INTEGER, name VARCHAR(9) UNIQUE)"))
        await connection.execute(text("INSERT INTO counter VALUES (0, 'a')"))
    return database


async def _count(database: Database) -> int:
    return int((await database.ask(lambda connection: connection.execute(COUNT))).scalar_one())


async def _set(connection: AsyncConnection, n: int) -> None:
    await connection.execute(text("UPDATE counter SET n = :n"), {"n": n})


async def test_writes_under_one_lock_that_read_first_lose_no_update(counting: Database, empty_url: str) -> None:
    planes = [Database(empty_url, DatabaseLimits(connections=5)) for _ in range(2)]

    async def add_one(connection: AsyncConnection) -> None:
        n = (await connection.execute(COUNT)).scalar_one()
        await asyncio.sleep(0)
        await _set(connection, n + 1)

    try:
        await asyncio.gather(*(plane.change(add_one, "counter", "more") for plane in planes * 25))

        assert await _count(counting) == 50
    finally:
        await asyncio.gather(*(plane.close() for plane in planes))


async def test_a_write_that_raises_is_undone(counting: Database) -> None:
    async def write_half(connection: AsyncConnection) -> None:
        await _set(connection, 7)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await counting.change(write_half)

    assert await _count(counting) == 0


async def test_a_cancelled_write_is_undone_and_gives_its_connection_back(counting: Database) -> None:
    written = asyncio.Event()

    async def hang(connection: AsyncConnection) -> None:
        await _set(connection, 7)
        written.set()
        await asyncio.Event().wait()

    for _ in range(LIMITS.connections + 1):
        written.clear()
        task = asyncio.create_task(counting.change(hang, "lock"))
        await written.wait()
        task.cancel()
        await asyncio.wait([task])

    assert await _count(counting) == 0
    await counting.change(lambda connection: _set(connection, 1), "lock")


async def test_readers_are_not_held_up_by_a_writer(counting: Database) -> None:
    async with counting.write() as writing:
        await _set(writing, 1)
        assert await _count(counting) == 0


async def test_a_read_sees_one_moment(counting: Database) -> None:
    async with counting.read() as connection:
        before = (await connection.execute(COUNT)).scalar_one()
        await counting.change(lambda other: _set(other, 1))
        after = (await connection.execute(COUNT)).scalar_one()

    assert (before, after) == (0, 0)


async def test_a_locked_database_is_said_so_in_bounded_time(counting: Database, empty_url: str) -> None:
    other = Database(empty_url, LIMITS)
    began_at = monotonic()
    async with other.write("one") as connection:
        await _set(connection, 1)
        with pytest.raises((DBAPIError, PoolTimeoutError)) as failed:
            await counting.change(lambda connection: _set(connection, 2), "one")
    await other.close()

    assert _told(failed.value).code is Code.STORE_UNAVAILABLE
    assert _told(failed.value).retry_after
    assert monotonic() - began_at < 2


async def test_a_busy_lane_is_said_so_in_bounded_time(counting: Database) -> None:
    async with counting.write("one"):
        with pytest.raises((DBAPIError, PoolTimeoutError)) as failed:
            async with counting.write("one"):
                pass

    assert _told(failed.value).code is Code.STORE_UNAVAILABLE


async def test_who_waits_for_a_lane_takes_no_connection_from_others(served: Database) -> None:
    async with served.write("one"):
        waiting = [asyncio.create_task(served.change(lambda it: _set(it, 1), "one")) for _ in range(20)]
        await asyncio.sleep(0)

        assert await _count(served) == 0

        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_a_full_disk_is_said_so_and_over_once_there_is_room(tmp_path: Path) -> None:
    database = await _counting(f"sqlite+aiosqlite:///{tmp_path / 'small.db'}")
    async with database.write() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(OperationalError) as failed:
        await database.change(_fill)

    assert _told(failed.value).code is Code.INTERNAL
    assert _told(failed.value).retry_after == 30

    async with database.write() as connection:
        await connection.execute(text("PRAGMA max_page_count=100000"))
    await database.change(_fill)
    await database.close()


async def test_any_other_failure_is_ours_and_shows_no_sql(counting: Database) -> None:
    with pytest.raises(DBAPIError) as failed:
        await counting.ask(lambda connection: connection.execute(text("SELECT secret FROM nowhere")))

    assert _told(failed.value).code is Code.INTERNAL
    assert "secret" not in _told(failed.value).detail


async def test_a_lost_race_is_run_again_and_sees_what_won(served: Database) -> None:
    seen: list[int] = []

    async def add_b(connection: AsyncConnection) -> None:
        rows = (await connection.execute(text("SELECT count(*) FROM counter WHERE name = 'b'"))).scalar_one()
        seen.append(rows)
        if not rows:
            await asyncio.sleep(0)
            await connection.execute(text("INSERT INTO counter VALUES (1, 'b')"))

    await asyncio.gather(served.change(add_b), served.change(add_b))

    assert sorted(seen) in ([0, 0, 1], [0, 1])


async def test_a_deadlock_costs_a_try_and_no_answer(served: Database) -> None:
    async with served.write() as connection:
        await connection.execute(text("INSERT INTO counter VALUES (0, 'b')"))
    met = asyncio.Barrier(2)
    tries = 0

    async def both(connection: AsyncConnection, first: str, second: str) -> None:
        nonlocal tries
        tries += 1
        said = text("UPDATE counter SET n = n + 1 WHERE name = :name")
        await connection.execute(said, {"name": first})
        if tries <= 2:
            await met.wait()
        await connection.execute(said, {"name": second})

    patient = Database(served._url, DatabaseLimits(busy_seconds=5))  # the server looks for deadlocks after 1 s
    await asyncio.gather(
        patient.change(lambda it: both(it, "a", "b")),
        patient.change(lambda it: both(it, "b", "a")),
    )
    await patient.close()

    async with served.read() as connection:
        counts = (await connection.execute(COUNT)).scalars().all()
    assert tries == 3
    assert counts == [2, 2]


async def test_tries_are_bounded(served: Database) -> None:
    tries = 0

    async def add_a_again(connection: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute(text("INSERT INTO counter VALUES (1, 'a')"))

    with pytest.raises(IntegrityError) as failed:
        await served.change(add_a_again)

    assert tries == len(PAUSES) + 1
    assert _told(failed.value).code is Code.STORE_UNAVAILABLE


async def test_lost_connections_cost_nobody_an_answer(served: Database, postgresql: Postgresql) -> None:
    await asyncio.gather(*(_count(served) for _ in range(5)))  # connections that rest in the pool

    await postgresql.cut(served._url)

    assert await asyncio.gather(*(_count(served) for _ in range(5))) == [0] * 5
    await served.change(lambda connection: _set(connection, 3))
    assert await _count(served) == 3


async def test_a_connection_lost_in_the_middle_of_a_write_writes_once(served: Database, postgresql: Postgresql) -> None:
    tries = 0

    async def cut_the_first(connection: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute(text("UPDATE counter SET n = n + 1"))
        if tries == 1:
            await postgresql.cut(served._url)

    # it is found out by the commit, whose answer never comes: done or not, nobody knows
    with pytest.raises(CommitUnknown) as failed:
        await served.change(cut_the_first)

    assert _told(failed.value).code is Code.STORE_UNAVAILABLE
    assert (tries, await _count(served)) == (1, 0)


async def test_a_connection_lost_before_the_commit_is_tried_again(served: Database, postgresql: Postgresql) -> None:
    tries = 0

    async def cut_the_first(connection: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await connection.execute(COUNT)
            await postgresql.cut(served._url)
        await connection.execute(text("UPDATE counter SET n = n + 1"))

    await served.change(cut_the_first)

    assert (tries, await _count(served)) == (2, 1)


async def test_a_server_that_is_not_there_is_away(tmp_path: Path) -> None:
    pytest.importorskip("asyncpg")
    database = Database(f"postgresql://postgres@/none?host={tmp_path}", LIMITS)

    with pytest.raises(Away) as failed:
        await database.ping()
    await database.close()

    assert _told(failed.value).code is Code.STORE_UNAVAILABLE


async def test_a_server_that_says_nothing_is_away_in_bounded_time() -> None:
    pytest.importorskip("asyncpg")
    with socket.create_server(("127.0.0.1", 0)) as quiet:
        url = f"postgresql://u:p@127.0.0.1:{quiet.getsockname()[1]}/x"
        database = Database(url, DatabaseLimits(connect_seconds=0.1))

        with pytest.raises(Away):
            await database.ping()

        await database.close()


async def test_a_statement_that_takes_too_long_is_ended(postgresql: Postgresql, served: Database) -> None:
    hasty = Database(served._url, DatabaseLimits(statement_seconds=0.05))

    with pytest.raises(DBAPIError) as failed:
        await hasty.ask(lambda connection: connection.execute(text("SELECT pg_sleep(5)")))
    await hasty.close()

    assert _told(failed.value).code is Code.STORE_UNAVAILABLE


async def test_a_transaction_that_does_nothing_holds_its_locks_in_bounded_time(served: Database) -> None:
    idle = Database(served._url, DatabaseLimits(idle_seconds=0.05))

    async def do_nothing(connection: AsyncConnection) -> None:
        await _set(connection, 1)
        await served.change(lambda other: _set(other, 2))  # waits until this one is cut off

    with pytest.raises(CommitUnknown):
        await idle.change(do_nothing)
    await idle.close()

    assert await _count(served) == 2


async def test_a_rested_connection_is_looked_at_before_it_is_used(
    served: Database, postgresql: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlplane.io.postgresql.PING_AFTER", 0.0)
    opened: list[object] = []
    await _count(served)
    event.listen(served._engines.writer.sync_engine, "connect", lambda connection, record: opened.append(connection))
    await postgresql.cut(served._url)

    async with served.read() as connection:
        assert (await connection.execute(COUNT)).scalar_one() == 0

    assert len(opened) == 1


async def _fill(connection: AsyncConnection) -> None:
    await connection.execute(text("CREATE TABLE filler (said TEXT)"))
    for _ in range(50):
        await connection.execute(text("INSERT INTO filler VALUES (:said)"), {"said": "x" * 4000})


def _told(error: Exception) -> MoorageError:
    assert isinstance(error, FAILURES)
    return typed(error)
