"""Libraries on their way into one server: many calls may miss one at once, it is loaded once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from scheduler.io.redis.client.connection import Connection
from scheduler.io.redis.client.failures import Failure, StoreFailed

if TYPE_CHECKING:
    from scheduler.io.redis.client.functions import Library

log = structlog.get_logger(__name__)


class Loading:
    """Of one node. `refusal` is why the server did not take the last one."""

    def __init__(self) -> None:
        self.refusal: Failure | None = None
        self._under_way: set[str] = set()

    def load(self, connection: Connection, library: Library) -> None:
        """Goes out before whatever is sent next on this connection."""
        if library.sha in self._under_way:
            return
        self._under_way.add(library.sha)
        loaded = connection.call(b"FUNCTION", b"LOAD", b"REPLACE", library.code)
        loaded.add_done_callback(lambda future: self._loaded(library, future))

    def _loaded(self, library: Library, future: asyncio.Future[Any]) -> None:
        self._under_way.discard(library.sha)
        self.refusal = None
        if not future.cancelled() and (error := future.exception()) is not None:
            if isinstance(error, StoreFailed):
                self.refusal = Failure(error.kind, str(error))
            log.warning("library_not_loaded", library=library.sha, detail=str(error))
