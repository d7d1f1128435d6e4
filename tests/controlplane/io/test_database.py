"""Tests of controlplane/io/database.py: reads and writes, on both databases."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.database import Database
from moorage.errors import Code
from tests.controlplane.io.counters import (
    COUNT,
    PATIENT,
    count,
    counting,
    empty_url,
    served,
    set_to,
    told,
)

__all__ = ["counting", "empty_url", "served"]


async def test_writes_under_one_lock_that_read_first_lose_no_update(counting: Database, empty_url: str) -> None:
    planes = [Database(empty_url, PATIENT) for _ in range(2)]

    async def add_one(connection: AsyncConnection) -> None:
        n = (await connection.execute(COUNT)).scalar_one()
        await asyncio.sleep(0)
        await set_to(connection, n + 1)

    try:
        await asyncio.gather(*(plane.change(add_one, "counter", "more") for plane in planes * 25))

        assert await count(counting) == 50
    finally:
        await asyncio.gather(*(plane.close() for plane in planes))


async def test_a_write_that_raises_is_undone(counting: Database) -> None:
    async def write_half(connection: AsyncConnection) -> None:
        await set_to(connection, 7)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await counting.change(write_half)

    assert await count(counting) == 0


async def test_a_cancelled_write_is_undone_and_gives_its_connection_back(counting: Database) -> None:
    written = asyncio.Event()

    async def hang(connection: AsyncConnection) -> None:
        await set_to(connection, 7)
        written.set()
        await asyncio.Event().wait()

    for _ in range(PATIENT.connections + 1):
        written.clear()
        task = asyncio.create_task(counting.change(hang, "lock"))
        await written.wait()
        task.cancel()
        await asyncio.wait([task])

    assert await count(counting) == 0
    await counting.change(lambda connection: set_to(connection, 1), "lock")


async def test_readers_are_not_held_up_by_a_writer(counting: Database) -> None:
    async with counting.write() as writing:
        await set_to(writing, 1)
        assert await count(counting) == 0


async def test_a_read_sees_one_moment(counting: Database) -> None:
    async with counting.read() as connection:
        before = (await connection.execute(COUNT)).scalar_one()
        await counting.change(lambda other: set_to(other, 1))
        after = (await connection.execute(COUNT)).scalar_one()

    assert (before, after) == (0, 0)


async def test_who_waits_for_a_lane_takes_no_connection_from_others(served: Database) -> None:
    async with served.write("one"):
        waiting = [asyncio.create_task(served.change(lambda it: set_to(it, 1), "one")) for _ in range(20)]
        await asyncio.sleep(0)

        assert await count(served) == 0

        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_any_other_failure_is_ours_and_shows_no_sql(counting: Database) -> None:
    with pytest.raises(DBAPIError) as failed:
        await counting.ask(lambda connection: connection.execute(text("SELECT secret FROM nowhere")))

    assert told(failed.value).code is Code.INTERNAL
    assert "secret" not in told(failed.value).detail
