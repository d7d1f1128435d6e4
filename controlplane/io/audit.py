"""Writing the audit log down, and finding what was done before under an idempotency key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.audit import AuditEntry
from controlplane.io.context import Context
from controlplane.io.sql import audit
from controlplane.keys import Caller
from moorage.errors import Code, error_for


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, in which HTTP request, and under which idempotency key if any."""

    caller: Caller
    request_id: str
    once: str | None = None  # an id made of the API key and the idempotency key
    fingerprint: str | None = None  # of what is asked


@dataclass(frozen=True, slots=True)
class Change:
    """What was done."""

    action: str
    target: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


async def replayed(context: Context, asking: Asking) -> AuditEntry | None:
    """What the same request did before. Raises CONFLICT where another one had its idempotency key."""
    once = asking.once
    if once is None:
        return None
    found = await context.database.ask(lambda connection: audit.find_once(connection, once))
    return _same(found, asking) if found is not None else None


async def note(context: Context, asking: Asking, change: Change) -> AuditEntry:
    """One more entry; of two under one idempotency key the first one. Raises as `replayed` does."""
    entry = AuditEntry(
        id=context.new_id("aud"),
        workspace=asking.caller.workspace,
        at=context.store.now(),
        key=asking.caller.key,
        action=change.action,
        target=change.target,
        request_id=asking.request_id,
        before=change.before,
        after=change.after,
        once=asking.once,
        fingerprint=asking.fingerprint,
    )

    async def work(connection: AsyncConnection) -> AuditEntry:
        earlier = None if asking.once is None else await audit.find_once(connection, asking.once)
        if earlier is not None:
            return earlier
        await audit.add(connection, entry)
        return entry

    locks = () if asking.once is None else (f"audit {asking.once}",)
    return _same(await context.database.change(work, *locks), asking)


def _same(entry: AuditEntry, asking: Asking) -> AuditEntry:
    if entry.fingerprint != asking.fingerprint:
        raise error_for(Code.CONFLICT, "this Idempotency-Key was used for another request")
    return entry
