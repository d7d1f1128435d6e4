"""Statements on API keys."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.sql.tables import API_KEYS
from controlplane.keys import ApiKey
from moorage.ids import KeyId, WorkspaceId

_NAMES = [field.name for field in fields(ApiKey)]


async def add(connection: AsyncConnection, key: ApiKey) -> None:
    """A new key."""
    row: dict[str, Any] = {name: getattr(key, name) for name in _NAMES}
    await connection.execute(insert(API_KEYS).values(row | {"scopes": list(key.scopes)}))


async def by_digest(connection: AsyncConnection, digest: str) -> ApiKey | None:
    """The key with this SHA-256."""
    row = (await connection.execute(select(API_KEYS).where(API_KEYS.c.digest == digest))).mappings().first()
    return None if row is None else _key(row)


async def find(connection: AsyncConnection, key: KeyId) -> ApiKey | None:
    """The key with this id."""
    row = (await connection.execute(select(API_KEYS).where(API_KEYS.c.id == key))).mappings().first()
    return None if row is None else _key(row)


async def listed(connection: AsyncConnection, workspace: WorkspaceId, before: str | None, limit: int) -> list[ApiKey]:
    """A workspace's keys, newest first; ids sort by the time they were made, so they are the cursor."""
    wanted = [API_KEYS.c.workspace == workspace]
    if before is not None:
        wanted.append(API_KEYS.c.id < before)
    statement = select(API_KEYS).where(*wanted).order_by(API_KEYS.c.id.desc()).limit(limit)
    return [_key(row) for row in (await connection.execute(statement)).mappings()]


async def bootstrap(connection: AsyncConnection) -> list[ApiKey]:
    """The bootstrap keys in force: one, or none before the first start."""
    statement = select(API_KEYS).where(API_KEYS.c.is_bootstrap.is_(True), API_KEYS.c.revoked_at.is_(None))
    return [_key(row) for row in (await connection.execute(statement)).mappings()]


async def revoke(connection: AsyncConnection, key: KeyId, now: float) -> None:
    """From now on it opens nothing."""
    await connection.execute(update(API_KEYS).where(API_KEYS.c.id == key).values(revoked_at=now))


async def restore(connection: AsyncConnection, key: KeyId) -> None:
    """It opens again: an operator put an earlier bootstrap key back."""
    await connection.execute(update(API_KEYS).where(API_KEYS.c.id == key).values(revoked_at=None))


async def used(connection: AsyncConnection, key: KeyId, now: float) -> None:
    """Notes the last use; another control plane may have noted a later one."""
    is_older = or_(API_KEYS.c.last_used_at.is_(None), API_KEYS.c.last_used_at < now)
    await connection.execute(update(API_KEYS).where(API_KEYS.c.id == key, is_older).values(last_used_at=now))


def _key(row: RowMapping) -> ApiKey:
    return ApiKey(**{name: row[name] for name in _NAMES} | {"scopes": tuple(row["scopes"])})
