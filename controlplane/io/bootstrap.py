"""The first start, and every later one: workspace, admin key, join key. The store hears of them by seeding."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.credentials import API_KEY, JOIN_KEY, Credential, make, preset
from controlplane.io.context import Context
from controlplane.io.keyfiles import ADMIN, JOIN, read_secret, write_secret
from controlplane.io.sql import join_keys, keys, users
from controlplane.joinkeys import JoinKeyRow
from controlplane.keys import ApiKey
from controlplane.workers import ANY
from moorage.ids import KeyId, WorkspaceId

WORKSPACE = "default"


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a start found or made."""

    workspace: WorkspaceId
    join_key: str = field(repr=False)  # for workers on this machine
    new_admin_key: str | None = field(repr=False)  # made right now: to be shown once


async def bootstrap(context: Context) -> Welcome:
    """Raises ValueError for a preset key that is too weak or mistyped."""
    admin, is_new = _admin_credential(context)
    join = _join_credential(context)
    async with context.database.write() as connection:
        workspace = await _workspace(context, connection)
        is_made = await _admin_key(context, connection, workspace, admin, is_new)
        await _join_key(context, connection, join)
        # Before the commit: a file without a row gets one at the next start, a row without a file locks everybody out.
        if is_made:
            write_secret(context.policy.data_folder / ADMIN, admin.text)
        write_secret(context.policy.data_folder / JOIN, join.text)
    return Welcome(workspace, join.text, admin.text if is_made and not context.policy.admin_key else None)


def _admin_credential(context: Context) -> tuple[Credential, bool]:
    if context.policy.admin_key:
        return preset(context.policy.admin_key, "MOORAGE_ADMIN_KEY"), False
    kept = read_secret(context.policy.data_folder / ADMIN)
    return (make(API_KEY, context.draw), True) if kept is None else (Credential(kept), False)


def _join_credential(context: Context) -> Credential:
    if context.policy.join_key:
        return preset(context.policy.join_key, "MOORAGE_JOIN_KEY")
    kept = read_secret(context.policy.data_folder / JOIN)
    return make(JOIN_KEY, context.draw) if kept is None else Credential(kept)


async def _workspace(context: Context, connection: AsyncConnection) -> WorkspaceId:
    known = await users.workspace_named(connection, WORKSPACE)
    if known is not None:
        return known
    new = WorkspaceId(context.new_id("wsp"))
    await users.add_workspace(connection, new, WORKSPACE, context.store.now())
    return new


async def _admin_key(
    context: Context, connection: AsyncConnection, workspace: WorkspaceId, admin: Credential, is_new: bool
) -> bool:
    """Whether the credential got its row now. An operator who removed admin.key keeps the key that is in force."""
    known = await keys.bootstrap(connection)
    if any(key.digest == admin.digest for key in known) or (known and is_new):
        return False
    now = context.store.now()
    for key in known:
        await keys.revoke(connection, key.id, now)
    earlier = await keys.by_digest(connection, admin.digest)
    if earlier is not None:
        await keys.restore(connection, earlier.id)
        return True
    row = ApiKey(
        id=KeyId(context.new_id("key")),
        workspace=workspace,
        name="bootstrap admin",
        digest=admin.digest,
        hint=admin.hint,
        scopes=("admin:all",),
        created_at=now,
        is_bootstrap=True,
    )
    await keys.add(connection, row)
    return True


async def _join_key(context: Context, connection: AsyncConnection, join: Credential) -> None:
    """The bootstrap join key in force is this one alone."""
    for known in await join_keys.listed(connection):
        if known.digest == join.digest:
            return
        if known.is_bootstrap:
            await join_keys.remove(connection, known.id)
    name, new = "bootstrap", KeyId(context.new_id("key"))
    row = JoinKeyRow(new, name, join.digest, join.hint, ANY, ANY, context.store.now(), is_bootstrap=True)
    await join_keys.add(connection, row)
