"""POST, GET, DELETE /keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from controlplane.cursors import DEFAULT_LIMIT, MAX_LIMIT, cursor_after, last_seen
from controlplane.documents import rfc3339
from controlplane.io import keys as acts
from controlplane.io.routes.dependencies import API, PROBLEMS, Asked, Ctx, StrictRoute, Text, Told, allowed
from controlplane.io.routes.revocations import RevocationDocument, order_of, revoked
from controlplane.io.sql import keys as rows
from controlplane.keys import ApiKey, Caller
from controlplane.revocations import Kind
from controlplane.scopes import GRANTS, Permission
from moorage.errors import Code, error_for
from moorage.ids import KeyId, parse_key

router = APIRouter(prefix=f"{API}/keys", tags=["API keys"], route_class=StrictRoute, responses=PROBLEMS)

Admin = Annotated[Caller, allowed(Permission.ADMIN)]
MAX_TTL = 10 * 366 * 86_400.0
_Limit = Annotated[
    int | None, Field(default=None, ge=0, lt=1 << 31, description="0 is no limit; null is the usual one")
]


class NewKey(Asked):
    """What it may do, and for how long."""

    name: Text
    scopes: Annotated[list[str], Field(min_length=1, max_length=32)]
    ttl: Annotated[float | None, Field(default=None, gt=0, le=MAX_TTL, description="seconds; null never expires")]
    sessions_per_key: _Limit
    requests_per_minute: _Limit
    requests_per_hour: _Limit

    @field_validator("scopes")
    @classmethod
    def _known(cls, scopes: list[str]) -> list[str]:
        unknown = [scope[:40] for scope in scopes if scope not in GRANTS]
        if unknown:
            raise ValueError(f"unknown scope {unknown[0]!r}: known are {', '.join(GRANTS)}")
        return list(dict.fromkeys(scopes))

    def wish(self) -> acts.KeyWish:
        """As the act takes it."""
        return acts.KeyWish(
            self.name,
            tuple(self.scopes),
            self.ttl,
            self.sessions_per_key,
            self.requests_per_minute,
            self.requests_per_hour,
        )


class KeyDocument(Told):
    """A key without its secret; `hint` is enough to recognise it by."""

    id: str
    name: str
    hint: str
    scopes: list[str]
    created_at: str | None
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    is_bootstrap: bool
    sessions_per_key: int | None
    requests_per_minute: int | None
    requests_per_hour: int | None


class MadeKey(KeyDocument):
    """A key with its secret, shown this once."""

    api_key: str


class KeyPage(Told):
    """Newest first."""

    keys: list[KeyDocument]
    next_cursor: str | None


class KeyQuery(BaseModel):
    """GET /keys; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(default=None, max_length=128)


@router.post("", status_code=201)
async def create(body: NewKey, context: Ctx, caller: Admin, response: Response) -> MadeKey:
    """A new API key of this workspace; `api_key` is shown this once."""
    response.headers["cache-control"] = "no-store"
    row, credential = await acts.create(context, caller, body.wish())
    return MadeKey(api_key=credential.text, **key_document(row).model_dump())


@router.get("")
async def listed(query: Annotated[KeyQuery, Query()], context: Ctx, caller: Admin) -> KeyPage:
    """This workspace's, revoked ones too; newest first, a page at a time."""
    try:
        before = None if query.cursor is None else last_seen(query.cursor, "key")
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, str(error)) from error
    found = await context.database.ask(
        lambda connection: rows.listed(connection, caller.workspace, before, query.limit + 1)
    )
    page = found[: query.limit]
    return KeyPage(
        keys=[key_document(row) for row in page],
        next_cursor=cursor_after(page[-1].id) if len(found) > query.limit else None,
    )


@router.get("/{key_id}")
async def get(key_id: str, context: Ctx, caller: Admin) -> KeyDocument:
    """One of them."""
    return key_document(await acts.find(context, caller, _key(key_id)))


@router.delete("/{key_id}", response_model=RevocationDocument, responses={202: {"model": RevocationDocument}})
async def delete(key_id: str, request: Request, caller: Admin) -> Response:
    """It opens nothing any more, and the sessions made with it end. 202 while the store is away."""
    return await revoked(request, caller, order_of(Kind.KEY, key_id, ""), 200)


def key_document(row: ApiKey) -> KeyDocument:
    """As it is shown."""
    return KeyDocument(
        id=row.id,
        name=row.name,
        hint=row.hint,
        scopes=list(row.scopes),
        created_at=rfc3339(row.created_at),
        expires_at=rfc3339(row.expires_at),
        revoked_at=rfc3339(row.revoked_at),
        last_used_at=rfc3339(row.last_used_at),
        is_bootstrap=row.is_bootstrap,
        sessions_per_key=row.sessions_per_key,
        requests_per_minute=row.requests_per_minute,
        requests_per_hour=row.requests_per_hour,
    )


def _key(text: str) -> KeyId:
    try:
        return parse_key(text)
    except ValueError as error:
        raise error_for(Code.NOT_FOUND, f"key_id: {error}") from error
