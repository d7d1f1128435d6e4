"""Tells a target which members carry sessions, beside the looks: hundreds of members must not hold a look up.

Only the newest word counts. A word that failed, or that is a minute old, is said again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from autoscaler.io.target import Target

AGAIN_EVERY = 60.0
WITHIN = 60.0
_log = structlog.get_logger("moorage.autoscaler")


class Protecting:
    """Of one pool."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._word: tuple[frozenset[str], frozenset[str]] | None = None
        self._changed = asyncio.Event()

    def put(self, busy: frozenset[str], idle: frozenset[str]) -> None:
        """What is to be said, at once where it is new."""
        if (busy, idle) != self._word:
            self._word = (busy, idle)
            self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_EVERY):
                    await self._changed.wait()
            self._changed.clear()
            if self._word is not None:
                await self._say(*self._word)

    async def _say(self, busy: frozenset[str], idle: frozenset[str]) -> None:
        try:
            async with asyncio.timeout(WITHIN):
                await self._target.protect(sorted(busy), sorted(idle))
        except TimeoutError:
            _log.warning("protecting_slow", seconds=WITHIN)
        except Exception:
            _log.exception("protecting_failed")
