"""One question on a connection of its own: who is the primary, who has which slot. Nothing is tried again here."""

from __future__ import annotations

import asyncio
from typing import Any

from scheduler.io.redis.client.connection import Asked, Connection
from scheduler.io.redis.client.dialing import Terms, dial
from scheduler.io.redis.client.failures import Failure, Kind, StoreFailed, failure
from scheduler.io.redis.client.packing import Part
from scheduler.storeurl import Address

MOST_SECONDS = 0.5  # another server may know: nobody waits long for one of them


async def ask_once(address: Address, terms: Terms, *parts: Part) -> Any:
    """The answer. Raises StoreFailed, of a time-out too."""
    try:
        async with asyncio.timeout(min(MOST_SECONDS, terms.connect_seconds)):
            connection = await dial(address, terms, _Asker())
            try:
                return await connection.call(*parts)
            finally:
                connection.drop(Failure(Kind.CLOSED, "asked and answered"))
    except TimeoutError:
        raise StoreFailed(Failure(Kind.TIMEOUT, f"{address} does not answer")) from None


class _Asker:
    """Owner of such a connection: whatever happens, the question fails with the reason."""

    def fail(self, asked: Asked, failure: Failure) -> None:
        asked.fail(failure)

    def refused(self, connection: Connection, asked: Asked, reply: str) -> None:
        asked.fail(failure(reply, connection.where))

    def pushed(self, connection: Connection, message: list[Any]) -> None:
        pass

    def lost(self, connection: Connection, failure: Failure, written: list[Asked], unwritten: list[Asked]) -> None:
        for asked in (*written, *unwritten):
            asked.fail(failure)
