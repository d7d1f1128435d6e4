"""Who sends a request: an API key found by its digest, paced, and its last use noted."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.credentials import MAX_CREDENTIAL, Credential
from controlplane.io.context import Context
from controlplane.io.sql import keys
from controlplane.keys import ApiKey, Caller, caller_of, is_use_worth_writing
from controlplane.pacing import Paced
from moorage.errors import Code, error_for
from moorage.ids import KeyId

CACHE_SECONDS = 1.0  # a revoked key stops working within this time, on every control plane
CACHED_KEYS = 10_000


class Callers:
    """Keys seen within the last second, and uses not yet written."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._found: dict[str, tuple[ApiKey, float]] = {}
        self._used: dict[KeyId, float] = {}

    async def caller(self, text: str) -> tuple[Caller, Paced | None]:
        """Raises INVALID_API_KEY, API_KEY_EXPIRED. Being too fast is in the answer, so that its headers go out either way."""
        if not text:
            detail = "an API key is needed: send Authorization: Bearer ak_… or x-api-key"
            raise error_for(Code.INVALID_API_KEY, detail)
        now = self._context.store.now()
        found = await self._find(text, now)
        caller = caller_of(found, self._context.policy, now)
        if found is not None and is_use_worth_writing(found, now):
            self._used[found.id] = now
        return caller, self._context.pacer.request(caller.key, caller.rate, now)

    def forget(self, key: KeyId) -> None:
        """It was revoked here: its next request looks at its row."""
        self._found = {digest: found for digest, found in self._found.items() if found[0].id != key}

    async def write_uses(self) -> None:
        """Writes down when keys were last used."""
        if not self._used:
            return
        used, self._used = self._used, {}

        async def work(connection: AsyncConnection) -> None:
            for key, at in sorted(used.items()):  # in one order for all control planes
                await keys.used(connection, key, at)

        await self._context.database.change(work)

    async def _find(self, text: str, now: float) -> ApiKey | None:
        if len(text) > MAX_CREDENTIAL or not text.isascii():
            return None
        digest = Credential(text).digest
        cached = self._found.get(digest)
        if cached is not None and now < cached[1]:
            return cached[0]
        found = await self._context.database.ask(lambda connection: keys.by_digest(connection, digest))
        if found is not None:
            self._remember(digest, replace(found, last_used_at=self._used.get(found.id, found.last_used_at)), now)
        return found

    def _remember(self, digest: str, found: ApiKey, now: float) -> None:
        if len(self._found) >= CACHED_KEYS:
            self._found.clear()
        self._found[digest] = (found, now + CACHE_SECONDS)
