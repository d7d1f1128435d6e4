"""Acts on revocations: written down first, then told to the store. One that is away is told when it is back."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.io.context import Context
from controlplane.io.sql import keys, revocations, sessions, users
from controlplane.keys import Caller, missing
from controlplane.revocations import DEFAULT_REASON, NEEDED, UNKNOWN, Kind, RevocationRow, in_force_until, may_name
from moorage.errors import Code, error_for
from moorage.ids import KeyId, RevocationId, SessionId, UserId, WorkspaceId
from scheduler.io.revoking import warn
from scheduler.store import Unavailable

_log = structlog.get_logger("moorage.controlplane.revocations")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be revoked, parsed."""

    kind: Kind
    target: str
    reason: str = ""


async def revoke(context: Context, caller: Caller, order: Order) -> tuple[RevocationRow, bool]:
    """Everything under it ends, and its tokens are refused; False where the store is away and will be told once it is back.

    Raises PERMISSION_DENIED, CONFLICT for the bootstrap key, a NOT_FOUND also for another workspace's ids.
    """
    refused = missing(caller, NEEDED[order.kind])
    if refused is not None:
        raise refused
    row = await context.database.change(lambda connection: _written(context, connection, caller, order))
    context.metrics.revocations.labels(row.kind.value).inc()
    is_told = await _told(context, row)
    said = {"kind": row.kind.value, "target": row.target, "reason": row.reason, "by": row.by}
    _log.info("revoked", id=row.id, is_store_away=not is_told, **said)
    return row, is_told


async def find(context: Context, caller: Caller, id_: RevocationId) -> RevocationRow:
    """Raises NOT_FOUND, also for another workspace's."""
    found = await context.database.ask(lambda connection: revocations.find(connection, id_, caller.workspace))
    if found is None:
        raise error_for(Code.NOT_FOUND, f"no revocation {id_} in this workspace")
    return found


async def _written(context: Context, connection: AsyncConnection, caller: Caller, order: Order) -> RevocationRow:
    """With it, in the same transaction, everything live under it is marked: from now on it gets no token."""
    kind, target = order.kind, order.target
    owner = await _owner(connection, order)
    if owner is None or not may_name(caller, kind, owner):
        raise error_for(UNKNOWN[kind], f"no {kind.value} {target} in this workspace")
    now = context.store.now()
    if kind is Kind.KEY:
        await _close_key(connection, KeyId(target), now)
    row = RevocationRow(
        id=RevocationId(context.new_id("rev")),
        workspace=owner,
        kind=kind,
        target=target,
        reason=order.reason or DEFAULT_REASON,
        by=caller.key,
        created_at=now,
        before=now,
        until=in_force_until(context.policy, now, await sessions.latest_end(connection, kind.value, target)),
    )
    await sessions.want_ends(connection, kind.value, target, row.reason)
    await revocations.add(connection, row)
    return row


async def _owner(connection: AsyncConnection, order: Order) -> WorkspaceId | None:
    """Whose it is; None for what does not exist."""
    match order.kind:
        case Kind.SESSION:
            session = await sessions.find(connection, SessionId(order.target))
            return None if session is None else session.workspace
        case Kind.USER:
            return await users.workspace_of(connection, UserId(order.target))
        case Kind.KEY:
            key = await keys.find(connection, KeyId(order.target))
            return None if key is None else key.workspace
        case Kind.WORKSPACE:
            workspace = WorkspaceId(order.target)
            return workspace if await users.workspace_exists(connection, workspace) else None


async def _close_key(connection: AsyncConnection, id_: KeyId, now: float) -> None:
    key = await keys.find(connection, id_)
    if key is not None and key.is_bootstrap:
        detail = "the bootstrap key comes back with every start: replace admin.key, or MOORAGE_ADMIN_KEY, and restart"
        raise error_for(Code.CONFLICT, detail)
    if key is not None and key.revoked_at is None:
        await keys.revoke(connection, id_, now)


async def _told(context: Context, row: RevocationRow) -> bool:
    try:
        await warn(context.store, [row.value])
    except Unavailable:
        return False
    return True
