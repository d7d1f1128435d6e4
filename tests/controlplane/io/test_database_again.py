"""Tests of controlplane/io/database.py: what is tried again, and what must not be."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.database import PAUSES, Database
from controlplane.io.troubles import CommitUnknown
from moorage.errors import Code
from tests.controlplane.io.counters import (
    COUNT,
    PATIENT,
    count,
    served,
    set_to,
    told,
)
from tests.controlplane.io.databases import Postgresql

__all__ = ["served"]


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

    patient = Database(served._url, PATIENT)  # the server looks for deadlocks after 1 s
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
    assert told(failed.value).code is Code.STORE_UNAVAILABLE


async def test_lost_connections_cost_nobody_an_answer(served: Database, postgresql: Postgresql) -> None:
    await asyncio.gather(*(count(served) for _ in range(5)))  # connections that rest in the pool

    await postgresql.cut(served._url)

    assert await asyncio.gather(*(count(served) for _ in range(5))) == [0] * 5
    await served.change(lambda connection: set_to(connection, 3))
    assert await count(served) == 3


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

    assert told(failed.value).code is Code.STORE_UNAVAILABLE
    assert (tries, await count(served)) == (1, 0)


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

    assert (tries, await count(served)) == (2, 1)


async def test_a_rested_connection_is_looked_at_before_it_is_used(
    served: Database, postgresql: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlplane.io.postgresql.PING_AFTER", 0.0)
    opened: list[object] = []
    await count(served)
    event.listen(served._engines.writer.sync_engine, "connect", lambda connection, record: opened.append(connection))
    await postgresql.cut(served._url)

    async with served.read() as connection:
        assert (await connection.execute(COUNT)).scalar_one() == 0

    assert len(opened) == 1
