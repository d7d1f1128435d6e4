"""Revoking with exact records: gateways hear of it first, and end what they hold with what they metered.

One notice a gateway closes any number of sockets at once, so the effect does not wait for the store to end each session.
What is left after a while (suspended, or held by a gateway that does not answer) ends by the store, as an estimate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from scheduler.store import Store
from scheduler.values import Revocation

SETTLE_SECONDS = 2.0  # for gateways to report what they ended; no socket waits for it


async def warn(store: Store, revocations: Sequence[Revocation]) -> None:
    """In force from now on: tokens and claims under them are refused, gateways close and end what they hold."""
    await store.seed({}, list(revocations))


async def revoke_exactly(store: Store, revocation: Revocation) -> int:
    """`warn`, and when gateways had their time, `Store.revoke`; answers how many sessions that still had to end."""
    await warn(store, [revocation])
    await asyncio.sleep(SETTLE_SECONDS)
    return await store.revoke(revocation)
