"""The signing keys for everybody else: published in the store, and used only once every gateway can know them."""

from __future__ import annotations

from time import monotonic

import structlog

from controlplane.io.context import Context
from controlplane.keyring import joined
from moorage.keydocument import key_document
from moorage.keys import KeySet

SPREAD_SECONDS = 3.0  # gateways look every second; a key that nobody can verify yet must not sign

_log = structlog.get_logger("moorage.controlplane.signing")


class Signing:
    """The turn from one key set to the next: published first, then left to spread, then in force."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._following: KeySet | None = None
        self._announced_at: float | None = None

    def follow(self, keys: KeySet) -> None:
        """These keys are to be used. Raises ValueError where a key has changed under its name; then nothing changes."""
        together = joined(self._context.keys.current, keys)
        self._context.keys.replace(together)
        self._following, self._announced_at = keys, None

    async def publish(self) -> None:
        """Gives the store what verifies. Raises Unavailable."""
        await self._context.store.set_token_keys(key_document(self._context.keys.current))

    async def step(self) -> None:
        """One step further, if a turn is under way. Raises Unavailable; then the next call tries again."""
        if self._following is None:
            return
        if self._announced_at is None:
            await self.publish()
            self._announced_at = monotonic()
        if monotonic() - self._announced_at < SPREAD_SECONDS:
            return
        self._context.keys.replace(self._following)
        await self.publish()
        self._following = None
        _log.info("signing_keys_turned", keys=[f"{key.kid} {key.state.value}" for key in self._context.keys.current])
