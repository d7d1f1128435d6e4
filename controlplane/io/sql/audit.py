"""Statements on the audit log: it grows, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.audit import AuditEntry
from controlplane.io.sql.tables import AUDIT_LOG
from moorage.ids import WorkspaceId

_ROW = AUDIT_LOG.c


async def add(connection: AsyncConnection, entry: AuditEntry) -> None:
    """One more."""
    await connection.execute(insert(AUDIT_LOG).values(asdict(entry)))


async def find_once(connection: AsyncConnection, once: str) -> AuditEntry | None:
    """What was done under an idempotency key."""
    row = (await connection.execute(select(AUDIT_LOG).where(_ROW.once == once))).mappings().first()
    return None if row is None else AuditEntry(**row)


async def listed(
    connection: AsyncConnection, workspace: WorkspaceId, before: str | None, limit: int, target: str | None = None
) -> list[AuditEntry]:
    """A workspace's, newest first."""
    wanted = [_ROW.workspace == workspace]
    if before is not None:
        wanted.append(_ROW.id < before)
    if target is not None:
        wanted.append(_ROW.target == target)
    statement = select(AUDIT_LOG).where(*wanted).order_by(_ROW.id.desc()).limit(limit)
    return [AuditEntry(**row) for row in (await connection.execute(statement)).mappings()]


async def since(connection: AsyncConnection, actions: Sequence[str], after: str, limit: int) -> list[AuditEntry]:
    """A page of those of any workspace with ids beyond `after`, oldest first."""
    statement = select(AUDIT_LOG).where(_ROW.id > after, _ROW.action.in_(actions)).order_by(_ROW.id).limit(limit)
    return [AuditEntry(**row) for row in (await connection.execute(statement)).mappings()]
