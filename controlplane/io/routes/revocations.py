"""POST, GET /revocations; POST /users/{id}/revoke. An API key's is DELETE /keys/{id}."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from controlplane.cursors import DEFAULT_LIMIT, MAX_LIMIT, cursor_after, last_seen
from controlplane.documents import rfc3339
from controlplane.io import revocations as acts
from controlplane.io.routes.dependencies import (
    API,
    PROBLEMS,
    Asked,
    Ctx,
    Reason,
    StrictRoute,
    Text,
    Told,
    allowed,
    callers_of,
    context_of,
)
from controlplane.io.sql import revocations as rows
from controlplane.keys import Caller
from controlplane.revocations import UNKNOWN, Kind, RevocationRow, standing
from controlplane.scopes import Permission
from moorage.errors import Code, error_for
from moorage.ids import KeyId, RevocationId, is_id

router = APIRouter(prefix=API, tags=["revocations"], route_class=StrictRoute, responses=PROBLEMS)

Anybody = Annotated[Caller, allowed(None)]
Reader = Annotated[Caller, allowed(Permission.SESSION_READ)]
UserKeeper = Annotated[Caller, allowed(Permission.USER_WRITE)]
_PREFIX = {Kind.SESSION: "ses", Kind.USER: "usr", Kind.KEY: "key", Kind.WORKSPACE: "wsp"}


class NewRevocation(Asked):
    """What is revoked: everything live under it ends now, and its tokens are refused."""

    kind: Kind
    id: Text = Field(description="ses_…, usr_…, key_… or wsp_…")
    reason: Reason = Field(default="", description="kept, and shown as the reason of each session's end")


class Because(Asked):
    """Why."""

    reason: Reason = ""


class RevocationDocument(Told):
    """One revocation. `status` is pending, applied or over."""

    id: str
    kind: str
    target_id: str
    workspace_id: str
    reason: str
    created_by: str
    created_at: str | None
    until: str | None
    status: str
    applied_at: str | None


class RevocationPage(Told):
    """Newest first."""

    revocations: list[RevocationDocument]
    next_cursor: str | None


class RevocationQuery(BaseModel):
    """GET /revocations; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(default=None, max_length=128)


@router.post(
    "/revocations",
    status_code=201,
    response_model=RevocationDocument,
    responses={202: {"model": RevocationDocument, "description": "The store is away; within 1 s of its return"}},
)
async def create(body: NewRevocation, request: Request, caller: Anybody) -> Response:
    """Revokes a session (sessions:write), a user (users:write), an API key or the workspace (admin:all)."""
    return await revoked(request, caller, order_of(body.kind, body.id, body.reason), 201)


@router.post(
    "/users/{user_id}/revoke",
    status_code=201,
    response_model=RevocationDocument,
    responses={202: {"model": RevocationDocument}},
)
async def revoke_user(user_id: str, request: Request, caller: UserKeeper, body: Because | None = None) -> Response:
    """Ends every session of a user; tokens issued before now are refused, later ones are not."""
    return await revoked(request, caller, order_of(Kind.USER, user_id, (body or Because()).reason), 201)


@router.get("/revocations")
async def listed(query: Annotated[RevocationQuery, Query()], context: Ctx, caller: Reader) -> RevocationPage:
    """Newest first, a page at a time."""
    try:
        before = None if query.cursor is None else last_seen(query.cursor, "rev")
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, str(error)) from error
    found = await context.database.ask(
        lambda connection: rows.listed(connection, caller.workspace, before, query.limit + 1)
    )
    page, now = found[: query.limit], context.store.now()
    return RevocationPage(
        revocations=[revocation_document(row, now) for row in page],
        next_cursor=cursor_after(page[-1].id) if len(found) > query.limit else None,
    )


@router.get("/revocations/{revocation_id}")
async def get(revocation_id: str, context: Ctx, caller: Reader) -> RevocationDocument:
    """One of them."""
    if not is_id("rev", revocation_id):
        raise error_for(Code.NOT_FOUND, "revocation_id: is no rev_ id")
    return revocation_document(await acts.find(context, caller, RevocationId(revocation_id)), context.store.now())


async def revoked(request: Request, caller: Caller, order: acts.Order, status: int) -> Response:
    """Its document; 202 instead of `status` while the store is away."""
    context = await context_of(request)
    row, is_told = await acts.revoke(context, caller, order)
    if order.kind is Kind.KEY:
        callers_of(request).forget(KeyId(order.target))
    return JSONResponse(revocation_document(row, context.store.now()).model_dump(), status if is_told else 202)


def order_of(kind: Kind, id_: str, reason: str) -> acts.Order:
    """Raises the kind's NOT_FOUND for text that is no id of its."""
    prefix = _PREFIX[kind]
    if not is_id(prefix, id_):
        raise error_for(UNKNOWN[kind], f"id: {id_[:40]!r} is no {prefix}_ id")
    return acts.Order(kind, id_, reason)


def revocation_document(row: RevocationRow, now: float) -> RevocationDocument:
    """As it is shown."""
    return RevocationDocument(
        id=row.id,
        kind=row.kind.value,
        target_id=row.target,
        workspace_id=row.workspace,
        reason=row.reason,
        created_by=row.by,
        created_at=rfc3339(row.created_at),
        until=rfc3339(row.until),
        status=standing(row, now).value,
        applied_at=rfc3339(row.applied_at),
    )
