"""Whether the store answers, asked when somebody wants to know: for health and one gauge."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry, Gauge

from scheduler.store import Store, Unavailable

ANSWER_WITHIN = 1.0


class StorePulse:
    """Of one program's store."""

    def __init__(self, store: Store, registry: CollectorRegistry, program: str) -> None:
        self._store = store
        self.is_up = True
        gauge = Gauge(f"moorage_{program}_store_up", "1 while this process reaches the store.", registry=registry)
        gauge.set_function(lambda: float(self.is_up))

    async def refresh(self) -> None:
        """Asks for the smallest thing there is."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._store.token_keys()
        except (Unavailable, TimeoutError):
            self.is_up = False
        else:
            self.is_up = True
