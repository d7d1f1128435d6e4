"""The first start, and every later one: workspace, admin key, join key. The store hears of them by seeding."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.credentials import API_KEY, JOIN_KEY, Credential, make, preset
from controlplane.io.context import Context
from controlplane.io.joinkeys import publish
from controlplane.io.keyfiles import ADMIN, JOIN, read_secret, write_secret
from controlplane.io.sql import join_keys, keys, users
from controlplane.joinkeys import JoinKeyRow
from controlplane.keys import ApiKey
from controlplane.workers import ANY
from moorage.ids import KeyId, WorkspaceId
from scheduler.store import Unavailable

WORKSPACE = "default"
MADE_JOIN_KEYS = 10  # bootstrap ones in force at once


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a start found or made."""

    workspace: WorkspaceId
    join_key: str = field(repr=False)  # for workers on this machine; empty where each pool has a key of its own
    new_admin_key: str | None = field(repr=False)  # made right now: to be shown once


async def bootstrap(context: Context) -> Welcome:
    """Raises ValueError for a preset key that is too weak or mistyped. Control planes that start at once do it in turn."""

    async def work(connection: AsyncConnection) -> Welcome:
        admin, is_new = _admin_credential(context)  # here: another one may just have written the files
        join = _join_credential(context)
        workspace = await _workspace(context, connection)
        is_made = await _admin_key(context, connection, workspace, admin, is_new)
        if join is not None:
            await _join_key(context, connection, join)
        # Before the commit: a file without a row gets one at the next start, a row without a file locks everybody out.
        if is_made:
            write_secret(context.policy.data_folder / ADMIN, admin.text)
        if join is not None:
            write_secret(context.policy.data_folder / JOIN, join.text)
        return Welcome(
            workspace, join.text if join else "", admin.text if is_made and not context.policy.admin_key else None
        )

    welcome = await context.database.change(work, "bootstrap")
    with suppress(Unavailable):  # it gets them when it is back
        await publish(context)
    return welcome


def _admin_credential(context: Context) -> tuple[Credential, bool]:
    if context.policy.admin_key:
        return preset(context.policy.admin_key, "MOORAGE_ADMIN_KEY"), False
    kept = read_secret(context.policy.data_folder / ADMIN)
    return (make(API_KEY, context.draw), True) if kept is None else (Credential(kept), False)


def _join_credential(context: Context) -> Credential | None:
    """None where none is there and none is to be made."""
    if context.policy.join_key:
        return preset(context.policy.join_key, "MOORAGE_JOIN_KEY")
    kept = read_secret(context.policy.data_folder / JOIN)
    if kept is not None:
        return Credential(kept)
    return make(JOIN_KEY, context.draw) if context.policy.makes_join_key else None


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
    """A preset is the only bootstrap key in force. One that was made is one of a few: control planes without a common
    data folder make one each, and those of folders long gone go."""
    known = await join_keys.listed(connection)
    is_there = any(key.digest == join.digest for key in known)
    others = [key.id for key in known if key.is_bootstrap and key.digest != join.digest]  # oldest first
    for gone in others if context.policy.join_key else others[: -MADE_JOIN_KEYS + 1]:
        await join_keys.remove(connection, gone)
    if is_there:
        return
    name, new = "bootstrap", KeyId(context.new_id("key"))
    row = JoinKeyRow(new, name, join.digest, join.hint, ANY, ANY, context.store.now(), is_bootstrap=True)
    await join_keys.add(connection, row)
