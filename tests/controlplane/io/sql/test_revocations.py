"""Statements on revocations: what is read is what was written, and what loops ask often is found by indexes."""

from __future__ import annotations

from dataclasses import replace

from controlplane.io.database import Database
from controlplane.io.sql import revocations
from controlplane.revocations import Kind, RevocationRow
from moorage.ids import RevocationId
from tests.controlplane.builders import KEY, NOW, USER, WORKSPACE


def a_row(number: int = 0, **said: object) -> RevocationRow:
    id_ = RevocationId(f"rev_{number:026}")
    row = RevocationRow(id_, WORKSPACE, Kind.USER, USER, "STOLEN", KEY, NOW, NOW, NOW + 100)
    return replace(row, **said)  # type: ignore[arg-type]


async def test_a_revocation_comes_back_as_it_was_written(database: Database) -> None:
    row = a_row()
    async with database.write() as connection:
        await revocations.add(connection, row)

    async with database.read() as connection:
        assert await revocations.find(connection, row.id, WORKSPACE) == row
        assert await revocations.unapplied(connection, 10) == [row]


async def test_it_is_applied_once_and_stays_in_force_until_its_end(database: Database) -> None:
    row = a_row()
    async with database.write() as connection:
        await revocations.add(connection, row)
        await revocations.applied(connection, [row.id], NOW + 1)
        await revocations.applied(connection, [row.id], NOW + 9)

    async with database.read() as connection:
        assert await revocations.unapplied(connection, 10) == []
        assert await revocations.young(connection, NOW, 10) == [replace(row, applied_at=NOW + 1)]
        assert await revocations.young(connection, NOW + 2, 10) == []
        assert [found.id for found in await revocations.in_force(connection, NOW + 99, "", 10)] == [row.id]
        assert await revocations.in_force(connection, NOW + 100, "", 10) == []


async def test_pages_meet_without_a_gap(database: Database) -> None:
    rows = [a_row(number) for number in range(5)]
    async with database.write() as connection:
        for row in rows:
            await revocations.add(connection, row)

    async with database.read() as connection:
        first = await revocations.in_force(connection, NOW, "", 3)
        rest = await revocations.in_force(connection, NOW, first[-1].id, 3)
        newest = await revocations.listed(connection, WORKSPACE, None, 2)
        older = await revocations.listed(connection, WORKSPACE, newest[-1].id, 9)

    assert first + rest == rows
    assert newest + older == rows[::-1]
