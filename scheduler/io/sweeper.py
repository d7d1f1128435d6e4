"""The pulse of a store: sweeps four times a second, outlives every failure, and measures how late it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from scheduler.store import Store, Unavailable

EVERY = 0.25

log = structlog.get_logger(__name__)


async def sweep_forever(store: Store, record_lag: Callable[[float], None] | None = None) -> None:
    """Until cancelled. `record_lag` gets, for each sweep, the seconds between when it should have ended and when it did:
    what the loop was blocked and the sweep itself took."""
    clock = asyncio.get_running_loop().time
    due = clock() + EVERY
    is_away = False
    while True:
        await asyncio.sleep(max(0.0, due - clock()))
        try:
            await store.sweep()
            is_away = False
        except Unavailable as error:
            if not is_away:  # once an outage, not with every sweep
                log.warning("store_unavailable", detail=str(error))
            is_away = True
        except Exception:
            log.exception("sweep_failed")
        done = clock()
        if record_lag is not None:
            record_lag(done - due)
        due = max(due + EVERY, done)
