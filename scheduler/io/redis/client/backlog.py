"""Calls that wait for a connection: bounded in number and bytes, each until its own deadline."""

from __future__ import annotations

from scheduler.io.redis.client.connection import Asked, Bounds


class Backlog:
    """In the order they came."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._asked: list[Asked] = []
        self._bytes = 0

    def add(self, asked: Asked) -> bool:
        """False when it is full."""
        if len(self._asked) >= self._bounds.calls or self._bytes >= self._bounds.bytes:
            return False
        self._asked.append(asked)
        self._bytes += len(asked.packed)
        return True

    def take(self) -> list[Asked]:
        """All that somebody still waits for; none stays."""
        asked, self._asked, self._bytes = self._asked, [], 0
        return [each for each in asked if not each.future.done()]

    def take_due(self, now: float) -> list[Asked]:
        """Those whose deadline is over; the others stay."""
        waiting = self.take()
        for asked in waiting:
            if asked.due > now:
                self.add(asked)
        return [asked for asked in waiting if asked.due <= now]
