"""POST, GET, DELETE /join-keys."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response

from controlplane.documents import rfc3339
from controlplane.io import joinkeys as acts
from controlplane.io.routes.dependencies import API, PROBLEMS, Asked, Ctx, Name, StrictRoute, Text, Told, allowed
from controlplane.joinkeys import JoinKeyRow
from controlplane.keys import Caller
from controlplane.scopes import Permission
from moorage.errors import Code, error_for
from moorage.ids import parse_key

router = APIRouter(prefix=f"{API}/join-keys", tags=["join keys"], route_class=StrictRoute, responses=PROBLEMS)

Admin = Annotated[Caller, allowed(Permission.ADMIN)]


class NewJoinKey(Asked):
    """Which workers it lets in; "*" is any."""

    name: Text = "workers"
    pool: Name | Literal["*"] = "*"
    region: Name | Literal["*"] = "*"


class JoinKeyDocument(Told):
    """A join key without its secret."""

    id: str
    name: str
    hint: str
    pool: str
    region: str
    created_at: str | None


class MadeJoinKey(JoinKeyDocument):
    """A join key with its secret, shown this once."""

    join_key: str


class JoinKeys(Told):
    """All join keys."""

    join_keys: list[JoinKeyDocument]


@router.post("", status_code=201)
async def create(body: NewJoinKey, context: Ctx, caller: Admin, response: Response) -> MadeJoinKey:
    """A new join key; `join_key` is shown this once."""
    response.headers["cache-control"] = "no-store"
    row, credential = await acts.create(context, body.name, body.pool, body.region)
    return MadeJoinKey(join_key=credential.text, **_document(row).model_dump())


@router.get("")
async def listed(context: Ctx, caller: Admin) -> JoinKeys:
    """All of them, oldest first."""
    return JoinKeys(join_keys=[_document(row) for row in await acts.listed(context)])


@router.delete("/{join_key_id}", status_code=204)
async def delete(join_key_id: str, context: Ctx, caller: Admin) -> None:
    """Nobody joins with it any more."""
    try:
        key = parse_key(join_key_id)
    except ValueError as error:
        raise error_for(Code.NOT_FOUND, f"join_key_id: {error}") from error
    await acts.remove(context, key)


def _document(row: JoinKeyRow) -> JoinKeyDocument:
    return JoinKeyDocument(
        id=row.id,
        name=row.name,
        hint=row.hint,
        pool=row.pool,
        region=row.region,
        created_at=rfc3339(row.created_at),
    )
