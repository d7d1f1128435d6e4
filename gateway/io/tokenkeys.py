"""The keys that verify session tokens, where the control plane is another process: they come through the store.

    keys = TokenKeys(store, registry)
    await keys.load()                     # waits while there are none
    gateway = Gateway(policy, store, lambda: keys.current, registry)
    tasks.create_task(keys.run())

The last good set is kept, whatever becomes of the store; a document that cannot be read changes nothing and is counted.
"""

from __future__ import annotations

import asyncio

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from moorage.keydocument import read_key_document
from moorage.keys import KeySet
from scheduler.store import Store, Unavailable

REFRESH_SECONDS = 1.0  # the control plane waits for longer between publishing a key and signing with it
_SAID_AGAIN_SECONDS = 10.0

log = structlog.get_logger(__name__)


class TokenKeys:
    """One gateway's copy of the store's key document."""

    def __init__(self, store: Store, registry: CollectorRegistry) -> None:
        self._store = store
        self._document: bytes | None = None  # as last looked at, good or bad
        self._keys: KeySet | None = None
        self._loads = Counter(
            "moorage_gateway_token_keys_loads_total", "Changed key documents, by result", ["result"], registry=registry
        )  # result: ok | bad
        gauge = Gauge("moorage_gateway_token_keys", "Keys that verify session tokens", registry=registry)
        gauge.set_function(lambda: len(list(self._keys or ())))

    @property
    def is_loaded(self) -> bool:
        """Whether there is a set."""
        return self._keys is not None

    @property
    def current(self) -> KeySet:
        """The last good set. Raises LookupError before there was one."""
        if self._keys is None:
            raise LookupError("no token keys have been loaded from the store yet")
        return self._keys

    async def load(self) -> None:
        """Returns once there is a set; says every ten seconds what it waits for. Bound it from outside if need be."""
        loop = asyncio.get_running_loop()
        say_at = loop.time()
        while not await self._refreshed():
            if loop.time() >= say_at:
                say_at = loop.time() + _SAID_AGAIN_SECONDS
                log.warning(
                    "waiting_for_token_keys", detail="a control plane publishes them in the store: is one running?"
                )
            await asyncio.sleep(REFRESH_SECONDS)

    async def run(self) -> None:
        """Keeps it fresh, until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self._refreshed()
            except Exception:
                log.exception("token_keys_failed")

    async def _refreshed(self) -> bool:
        """Looks once; whether there is a set. A store that is away or empty leaves the one there is."""
        try:
            document = await self._store.token_keys()
        except Unavailable:
            return self._keys is not None
        if document is not None and document != self._document:
            self._document = document
            self._take(document)
        return self._keys is not None

    def _take(self, document: bytes) -> None:
        try:
            self._keys = keys = read_key_document(document)
        except ValueError as error:
            self._loads.labels("bad").inc()
            log.error("token_keys_refused", detail=str(error))
            return
        self._loads.labels("ok").inc()
        log.info("token_keys_loaded", keys=[f"{key.kid} {key.state.value}" for key in keys])
