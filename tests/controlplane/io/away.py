"""The memory store behind a switch: while it is off, every call raises Unavailable, as a store across a cut network does."""

from __future__ import annotations

import inspect
from typing import Any

from scheduler.io.memory import MemoryStore
from scheduler.store import Unavailable


class Switched:
    """Passes everything on while `is_here`."""

    def __init__(self, store: MemoryStore) -> None:
        self.inner = store
        self.is_here = True
        self.refused = 0

    def now(self) -> float:
        return self.inner.now()

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self.inner, name)
        if not inspect.iscoroutinefunction(inner):
            return inner

        async def call(*args: Any, **said: Any) -> Any:
            if not self.is_here:
                self.refused += 1
                raise Unavailable("the test cut it off")
            return await inner(*args, **said)

        return call
