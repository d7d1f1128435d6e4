"""Statements on workspaces and users."""

from __future__ import annotations

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.sql.tables import USERS, WORKSPACES
from moorage.ids import UserId, WorkspaceId


async def workspace_named(connection: AsyncConnection, name: str) -> WorkspaceId | None:
    """The workspace of this name."""
    statement = select(WORKSPACES.c.id).where(WORKSPACES.c.name == name)
    return (await connection.execute(statement)).scalar_one_or_none()


async def add_workspace(connection: AsyncConnection, workspace: WorkspaceId, name: str, now: float) -> None:
    """A new workspace."""
    await connection.execute(insert(WORKSPACES).values(id=workspace, name=name, created_at=now))


async def workspace_exists(connection: AsyncConnection, workspace: WorkspaceId) -> bool:
    """Whether there is such a workspace."""
    statement = select(WORKSPACES.c.id).where(WORKSPACES.c.id == workspace)
    return (await connection.execute(statement)).first() is not None


async def workspace_of(connection: AsyncConnection, user: UserId) -> WorkspaceId | None:
    """Whose user this is."""
    statement = select(USERS.c.workspace).where(USERS.c.id == user)
    return (await connection.execute(statement)).scalar_one_or_none()


async def user_known_as(connection: AsyncConnection, workspace: WorkspaceId, external_id: str) -> UserId | None:
    """The user the tenant knows under this name."""
    statement = select(USERS.c.id).where(USERS.c.workspace == workspace, USERS.c.external_id == external_id)
    return (await connection.execute(statement)).scalar_one_or_none()


async def user_or_new(
    connection: AsyncConnection, new: UserId, workspace: WorkspaceId, external_id: str, now: float
) -> UserId:
    """The user of that name, made on first use; two at once agree on one."""
    known = await user_known_as(connection, workspace, external_id)
    if known is not None:
        return known
    try:
        async with connection.begin_nested():
            row = {"id": new, "workspace": workspace, "external_id": external_id, "created_at": now}
            await connection.execute(insert(USERS).values(row))
    except IntegrityError:  # a server database let another writer in between
        return await user_known_as(connection, workspace, external_id) or new
    return new
