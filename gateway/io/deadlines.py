"""Deadlines of many short waits on one timer.

`asyncio.timeout` costs a timer of the loop each time it is entered, twice for every connection that is admitted; here
entering and leaving is one entry in a dict. The price is resolution: a wait may last up to `_TICK_SECONDS` longer.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

_TICK_SECONDS = 0.1


class Deadlines:
    """All deadlines of one loop's short waits."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waits: dict[Within, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def within(self, seconds: float) -> Within:
        """A context that raises TimeoutError in the current task when it lasts longer. Nests like `asyncio.timeout`."""
        return Within(self, seconds)

    def close(self) -> None:
        """Stops the timer; waits under way are no longer bounded."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __len__(self) -> int:
        return len(self._waits)

    def _enter(self, wait: Within, seconds: float) -> None:
        self._waits[wait] = self._loop.time() + seconds
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        for wait in [wait for wait, due in self._waits.items() if due <= now]:
            del self._waits[wait]
            wait.expire()
        self._timer = self._loop.call_later(_TICK_SECONDS, self._tick) if self._waits else None


class Within:
    """One bounded wait; see `Deadlines.within`."""

    __slots__ = ("_cancelling", "_deadlines", "_is_over", "_seconds", "_task")

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        self._deadlines = deadlines
        self._seconds = seconds
        self._is_over = False

    def __enter__(self) -> None:
        task = asyncio.current_task(self._deadlines._loop)  # noqa: SLF001 - asked for its loop, asyncio asks the kernel for the process
        if task is None:
            raise RuntimeError("a deadline bounds a task, and there is none")
        self._task: asyncio.Task[Any] = task
        self._cancelling = task.cancelling()
        self._deadlines._enter(self, self._seconds)  # noqa: SLF001 - one class in two halves

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadlines._waits.pop(self, None)  # noqa: SLF001
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """The time is up: the task is cancelled, and leaving the context turns that into TimeoutError."""
        self._is_over = True
        self._task.cancel()
