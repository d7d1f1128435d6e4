"""Ending a session from outside with an exact record: its gateway is asked first, and ends it with what it metered."""

from __future__ import annotations

import asyncio

from scheduler.store import Store
from scheduler.values import ClaimState, End, Ended, SessionView, Stale

ASK_SECONDS = 0.8  # a termination takes effect within a second, also where the gateway does not answer
_LOOK_EVERY = 0.005


async def end_exactly(store: Store, wish: End) -> Ended | Stale:
    """Like `Store.end`, with the usage of a live attach in the record. Where its gateway is silent the record is an
    estimate, from the last checkpoint. Raises Unavailable."""
    if await store.ask_to_end(wish):
        await _let_go(store, wish)
    return await store.end(wish)


async def _let_go(store: Store, wish: End) -> None:
    """Until nobody holds the session any more, or the time is up."""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            while _is_held(await store.session(wish.session)):  # noqa: ASYNC110 - the store may be another process
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        return


def _is_held(view: object) -> bool:
    return isinstance(view, SessionView) and view.state is ClaimState.HELD
