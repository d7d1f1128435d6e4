"""Acts on API keys."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.credentials import API_KEY, Credential, make
from controlplane.io.context import Context
from controlplane.io.sql import keys
from controlplane.keys import ApiKey, Caller
from moorage.errors import Code, error_for
from moorage.ids import KeyId


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What a new key is to be, parsed. None leaves the policy's limits."""

    name: str
    scopes: tuple[str, ...]
    ttl_seconds: float | None = None
    sessions_per_key: int | None = None
    requests_per_minute: int | None = None
    requests_per_hour: int | None = None


async def create(context: Context, caller: Caller, wish: KeyWish) -> tuple[ApiKey, Credential]:
    """A new key of the caller's workspace; its text is seen this once."""
    credential = make(API_KEY, context.draw)
    now = context.store.now()
    row = ApiKey(
        id=KeyId(context.new_id("key")),
        workspace=caller.workspace,
        name=wish.name,
        digest=credential.digest,
        hint=credential.hint,
        scopes=wish.scopes,
        created_at=now,
        expires_at=None if wish.ttl_seconds is None else now + wish.ttl_seconds,
        sessions_per_key=wish.sessions_per_key,
        requests_per_minute=wish.requests_per_minute,
        requests_per_hour=wish.requests_per_hour,
    )
    await context.database.change(lambda connection: keys.add(connection, row))
    return row, credential


async def find(context: Context, caller: Caller, id_: KeyId) -> ApiKey:
    """Raises NOT_FOUND, also for another workspace's."""
    found = await context.database.ask(lambda connection: keys.find(connection, id_))
    if found is None or found.workspace != caller.workspace:
        raise error_for(Code.NOT_FOUND, f"no API key {id_} in this workspace")
    return found
