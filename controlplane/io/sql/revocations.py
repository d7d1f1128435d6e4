"""Statements on revocations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.sql.tables import REVOCATIONS, UNAPPLIED_ROWS
from controlplane.revocations import Kind, RevocationRow
from moorage.ids import RevocationId, WorkspaceId

_ROW = REVOCATIONS.c
_NAMES = [field.name for field in fields(RevocationRow)]


async def add(connection: AsyncConnection, row: RevocationRow) -> None:
    """A new revocation."""
    columns: dict[str, Any] = {name: getattr(row, name) for name in _NAMES}
    await connection.execute(insert(REVOCATIONS).values(columns | {"kind": row.kind.value}))


async def find(connection: AsyncConnection, id_: RevocationId, workspace: WorkspaceId) -> RevocationRow | None:
    """One of a workspace's."""
    statement = select(REVOCATIONS).where(_ROW.id == id_, _ROW.workspace == workspace)
    row = (await connection.execute(statement)).mappings().first()
    return None if row is None else _revocation(row)


async def listed(
    connection: AsyncConnection, workspace: WorkspaceId, before: str | None, limit: int
) -> list[RevocationRow]:
    """A workspace's, newest first."""
    wanted = [_ROW.workspace == workspace]
    if before is not None:
        wanted.append(_ROW.id < before)
    statement = select(REVOCATIONS).where(*wanted).order_by(_ROW.id.desc()).limit(limit)
    return [_revocation(row) for row in (await connection.execute(statement)).mappings()]


async def unapplied(connection: AsyncConnection, limit: int) -> list[RevocationRow]:
    """Those that are not yet applied, oldest first."""
    statement = select(REVOCATIONS).where(UNAPPLIED_ROWS).order_by(_ROW.id).limit(limit)
    return [_revocation(row) for row in (await connection.execute(statement)).mappings()]


async def in_force(connection: AsyncConnection, now: float, after: str, limit: int) -> list[RevocationRow]:
    """A page of those that still refuse tokens, in the order of their ids."""
    statement = select(REVOCATIONS).where(_ROW.until > now, _ROW.id > after).order_by(_ROW.id).limit(limit)
    return [_revocation(row) for row in (await connection.execute(statement)).mappings()]


async def young(connection: AsyncConnection, since: float, limit: int) -> list[RevocationRow]:
    """The newest ones of those applied since then."""
    statement = select(REVOCATIONS).where(_ROW.applied_at >= since).order_by(_ROW.id.desc()).limit(limit)
    return [_revocation(row) for row in (await connection.execute(statement)).mappings()]


async def applied(connection: AsyncConnection, ids: Sequence[RevocationId], now: float) -> None:
    """Nothing is live under these any more. Another control plane may have said so before."""
    statement = update(REVOCATIONS).where(_ROW.id.in_(ids), UNAPPLIED_ROWS)
    await connection.execute(statement.values(applied_at=now))


def _revocation(row: RowMapping) -> RevocationRow:
    return RevocationRow(**{name: row[name] for name in _NAMES} | {"kind": Kind(row["kind"])})
