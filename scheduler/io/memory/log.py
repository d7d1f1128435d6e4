"""The events of a memory store, kept in order until they are acknowledged.

An event is kept as a plain tuple and made into a value when it is read: most of the cost of an append is saved.
Nothing is ever dropped: when the log is full the store places no new sessions, and those that live still end in it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice

from moorage.ids import SessionId, WorkerId
from scheduler.values import EndRecord, Event

Data = dict[str, str | int | float]
Entry = tuple[str, float, SessionId | None, WorkerId | None, int, EndRecord | None, Data]


class EventLog:
    """Positions count from 1 without a gap."""

    __slots__ = ("_bound", "_entries", "_first", "_readers")

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._entries: deque[Entry] = deque()
        self._first = 1  # position of the oldest entry that is here
        self._readers: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_full(self) -> bool:
        """Whether nothing new may be placed until events are acknowledged."""
        return len(self._entries) >= self._bound

    def append(self, entry: Entry) -> None:
        """At the end."""
        self._entries.append(entry)
        if self._readers:
            self._wake()

    async def read(self, limit: int, wait_seconds: float) -> list[Event]:
        """The oldest ones; waits for the first at most so long."""
        if not self._entries and wait_seconds > 0:
            await self._first_entry(wait_seconds)
        return [
            Event(str(position), type_, at, session, worker, seq, end, data)
            for position, (type_, at, session, worker, seq, end, data) in enumerate(
                islice(self._entries, max(limit, 0)), self._first
            )
        ]

    def acknowledge(self, position: int) -> None:
        """Drops those up to here; a position already acknowledged, or one not yet given, drops no more than there is."""
        while self._entries and self._first <= position:
            self._entries.popleft()
            self._first += 1

    async def _first_entry(self, wait_seconds: float) -> None:
        reader: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._readers.append(reader)
        try:
            async with asyncio.timeout(wait_seconds):
                await reader
        except TimeoutError:
            pass
        finally:
            self._readers.remove(reader)

    def _wake(self) -> None:
        for reader in self._readers:
            if not reader.done():
                reader.set_result(None)
