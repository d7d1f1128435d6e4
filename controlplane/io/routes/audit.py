"""GET /audit-logs: who changed what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from controlplane.audit import AuditEntry
from controlplane.cursors import DEFAULT_LIMIT, MAX_LIMIT, cursor_after, last_seen
from controlplane.documents import rfc3339
from controlplane.io.routes.dependencies import API, PROBLEMS, Ctx, StrictRoute, Text, Told, allowed
from controlplane.io.sql import audit as rows
from controlplane.keys import Caller
from controlplane.scopes import Permission
from moorage.errors import Code, error_for

router = APIRouter(prefix=f"{API}/audit-logs", tags=["audit"], route_class=StrictRoute, responses=PROBLEMS)

Admin = Annotated[Caller, allowed(Permission.ADMIN)]


class AuditDocument(Told):
    """One change: the API key that made it, what it was before and what it is since."""

    id: str
    at: str | None
    by: str
    action: str
    target: str
    request_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditPage(Told):
    """Newest first."""

    audit_logs: list[AuditDocument]
    next_cursor: str | None


class AuditQuery(BaseModel):
    """GET /audit-logs; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    target: Text | None = None
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(default=None, max_length=128)


@router.get("")
async def listed(query: Annotated[AuditQuery, Query()], context: Ctx, caller: Admin) -> AuditPage:
    """This workspace's, newest first, a page at a time; of one `target` where it is named."""
    try:
        before = None if query.cursor is None else last_seen(query.cursor, "aud")
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, str(error)) from error
    found = await context.database.ask(
        lambda connection: rows.listed(connection, caller.workspace, before, query.limit + 1, query.target)
    )
    page = found[: query.limit]
    return AuditPage(
        audit_logs=[audit_document(entry) for entry in page],
        next_cursor=cursor_after(page[-1].id) if len(found) > query.limit else None,
    )


def audit_document(entry: AuditEntry) -> AuditDocument:
    """As it is shown."""
    return AuditDocument(
        id=entry.id,
        at=rfc3339(entry.at),
        by=entry.key,
        action=entry.action,
        target=entry.target,
        request_id=entry.request_id,
        before=entry.before,
        after=entry.after,
    )
