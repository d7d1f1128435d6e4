"""Statements on join keys."""

from __future__ import annotations

from dataclasses import asdict, fields

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.sql.tables import JOIN_KEYS
from controlplane.joinkeys import JoinKeyRow
from moorage.ids import KeyId

_NAMES = [field.name for field in fields(JoinKeyRow)]


async def add(connection: AsyncConnection, key: JoinKeyRow) -> None:
    """A new join key."""
    await connection.execute(insert(JOIN_KEYS).values(asdict(key)))


async def listed(connection: AsyncConnection) -> list[JoinKeyRow]:
    """All of them, oldest first; there are few."""
    rows = (await connection.execute(select(JOIN_KEYS).order_by(JOIN_KEYS.c.id))).mappings()
    return [JoinKeyRow(**{name: row[name] for name in _NAMES}) for row in rows]


async def remove(connection: AsyncConnection, key: KeyId) -> bool:
    """Whether it was there."""
    return (await connection.execute(delete(JOIN_KEYS).where(JOIN_KEYS.c.id == key))).rowcount > 0
