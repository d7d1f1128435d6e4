"""POST /tokens/validate and /tokens/refresh."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from controlplane.documents import rfc3339
from controlplane.io import tokens as acts
from controlplane.io.routes.dependencies import API, PROBLEMS, Asked, Ctx, StrictRoute, Told, allowed
from controlplane.io.routes.session_forms import TokenDocument, token_document
from controlplane.keys import Caller
from controlplane.scopes import Permission

router = APIRouter(prefix=f"{API}/tokens", tags=["tokens"], route_class=StrictRoute, responses=PROBLEMS)


class TokenBody(Asked):
    """A session token."""

    token: str = Field(min_length=1, max_length=1 << 20, description="a session token; over 8 KiB it is never valid")


class ValidityDocument(Told):
    """What a token is good for. `detail` says why it is not valid."""

    session_id: str | None
    is_valid: bool
    expires_at: str | None
    detail: str


@router.post("/validate")
async def validate(
    body: TokenBody, context: Ctx, caller: Annotated[Caller, allowed(Permission.SESSION_READ)]
) -> ValidityDocument:
    """Whether a client could connect with it now; a bad token is an answer, not an error."""
    found = await acts.validate(context, caller, body.token)
    return ValidityDocument(
        session_id=found.session,
        is_valid=found.is_valid,
        expires_at=rfc3339(found.expires_at),
        detail=found.detail,
    )


@router.post("/refresh")
async def refresh(
    body: TokenBody, context: Ctx, caller: Annotated[Caller, allowed(Permission.SESSION_MANAGE)], response: Response
) -> TokenDocument:
    """A fresh token for the same session; the session's end moves with it, never past `max_session_seconds`."""
    response.headers["cache-control"] = "no-store"
    return token_document(await acts.refresh(context, caller, body.token))
