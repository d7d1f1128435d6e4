"""POST, GET, DELETE /sessions; POST /sessions/{id}/terminate and /token."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from controlplane.cursors import DEFAULT_LIMIT, MAX_LIMIT, cursor_after, last_seen
from controlplane.idempotency import checked_name, fingerprint
from controlplane.io import sessions as acts
from controlplane.io.context import Context
from controlplane.io.routes.dependencies import API, PROBLEMS, Ctx, StrictRoute, Text, allowed
from controlplane.io.routes.session_forms import (
    EndWish,
    IssuedDocument,
    NewSession,
    SessionDocument,
    SessionPage,
    TokenDocument,
    issued_document,
    session_document,
    token_document,
)
from controlplane.io.sql import sessions as rows
from controlplane.io.sql.sessions import SessionFilter
from controlplane.keys import Caller
from controlplane.scopes import Permission
from controlplane.sessions import Session, Status
from moorage.errors import Code, error_for
from moorage.ids import WorkspaceId, parse_session, parse_user

router = APIRouter(prefix=f"{API}/sessions", tags=["sessions"], route_class=StrictRoute, responses=PROBLEMS)

Creator = Annotated[Caller, allowed(Permission.SESSION_CREATE)]
Reader = Annotated[Caller, allowed(Permission.SESSION_READ)]
Keeper = Annotated[Caller, allowed(Permission.SESSION_MANAGE)]


class SessionQuery(BaseModel):
    """GET /sessions; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(default=None, max_length=128)
    status: list[Literal["PENDING", "ACTIVE", "COMPLETED", "FAILED", "EXPIRED"]] = []
    user_id: Text | None = Field(default=None, description="usr_…")
    end_user_id: Text | None = Field(default=None, description="the tenant's own name of the user")


@router.post("", status_code=201, response_model=IssuedDocument)
async def create(
    body: NewSession, context: Ctx, caller: Creator, idempotency_key: Annotated[str | None, Header()] = None
) -> Response:
    """A new session, its token, and where its client connects. With an Idempotency-Key the same request is answered once more."""
    once = None if idempotency_key is None else _once(idempotency_key, body)
    issued = await acts.create(context, caller, body.wish(), once)
    headers = {"location": f"/api/v1/sessions/{issued.session.id}", "cache-control": "no-store"}
    if issued.is_replay:
        headers["idempotency-replayed"] = "true"
    return JSONResponse(issued_document(issued), 201, headers)


@router.get("", response_model=SessionPage)
async def listed(query: Annotated[SessionQuery, Query()], context: Ctx, caller: Reader) -> Response:
    """Newest first, a page at a time."""
    wanted = _filter(query, caller.workspace)
    found = await context.database.ask(lambda connection: rows.listed(connection, wanted))
    page = found[: query.limit]
    said = {
        "sessions": [session_document(acts.Shown(session)) for session in page],
        "next_cursor": cursor_after(page[-1].id) if len(found) > query.limit else None,
    }
    return JSONResponse(said)


@router.get("/{session_id}", response_model=SessionDocument)
async def get(session_id: str, context: Ctx, caller: Reader) -> Response:
    """One session, as fresh as the store has it; with its place in the queue while it waits."""
    shown = await acts.show(context, await _found(context, caller, session_id))
    return JSONResponse(session_document(shown))


@router.delete("/{session_id}", response_model=SessionDocument, responses={202: {"model": SessionDocument}})
async def delete(session_id: str, context: Ctx, caller: Keeper) -> Response:
    """Ends it: as terminate without a body."""
    return await _terminated(context, await _found(context, caller, session_id), acts.Verdict())


@router.post("/{session_id}/terminate", response_model=SessionDocument, responses={202: {"model": SessionDocument}})
async def terminate(session_id: str, context: Ctx, caller: Keeper, body: EndWish | None = None) -> Response:
    """Ends it; its client is closed with 4410. An ended one is answered as it ended. 202 while the store is away."""
    verdict = (body or EndWish()).verdict()
    return await _terminated(context, await _found(context, caller, session_id), verdict)


@router.post("/{session_id}/token", status_code=201)
async def token(session_id: str, context: Ctx, caller: Keeper, response: Response) -> TokenDocument:
    """Another token for a session that has not ended."""
    response.headers["cache-control"] = "no-store"
    return token_document(await acts.issue(context, caller, await _found(context, caller, session_id)))


async def _terminated(context: Context, session: Session, verdict: acts.Verdict) -> Response:
    ended, is_done = await acts.terminate(context, session, verdict)
    return JSONResponse(session_document(acts.Shown(ended)), 200 if is_done else 202)


async def _found(context: Context, caller: Caller, text: str) -> Session:
    try:
        session = parse_session(text)
    except ValueError as error:
        raise error_for(Code.SESSION_NOT_FOUND, f"session_id: {error}") from error
    return await acts.find(context, caller.workspace, session)


def _once(name: str, body: NewSession) -> acts.Once:
    try:
        asked: dict[str, Any] = body.model_dump(mode="python", exclude_unset=True)
        return acts.Once(checked_name(name), fingerprint(asked))
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, str(error)) from error


def _filter(query: SessionQuery, workspace: WorkspaceId) -> SessionFilter:
    try:
        return SessionFilter(
            workspace=workspace,
            user=None if query.user_id is None else parse_user(query.user_id),
            end_user_id=query.end_user_id,
            statuses=tuple(map(Status, query.status)),
            before=None if query.cursor is None else last_seen(query.cursor, "ses"),
            limit=query.limit + 1,  # one more tells whether there is a next page
        )
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, str(error)) from error
