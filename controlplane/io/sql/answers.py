"""Statements on idempotent answers."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.idempotency import Answered
from controlplane.io.sql.tables import ANSWERS
from moorage.ids import KeyId


async def find(connection: AsyncConnection, key: KeyId, name: str) -> Answered | None:
    """What this key asked under this name before."""
    statement = select(ANSWERS).where(ANSWERS.c.key == key, ANSWERS.c.name == name)
    row = (await connection.execute(statement)).mappings().first()
    return None if row is None else Answered(**row)


async def add(connection: AsyncConnection, answered: Answered) -> None:
    """Remembers a request."""
    await connection.execute(insert(ANSWERS).values(asdict(answered)))


async def forget(connection: AsyncConnection, before: float) -> None:
    """Those older than the promise to remember."""
    await connection.execute(delete(ANSWERS).where(ANSWERS.c.at < before))
