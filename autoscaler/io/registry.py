"""Reads the store for all pools at once, and notices early that a pool is needed.

One read serves every pool that asks within `_FRESH_SECONDS`. In between, twice a second, the queue's lengths and the scale
requests are looked at: a pool whose queue fills, or whose requests changed, is told so that it need not wait for its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import structlog

from autoscaler.observing import Place, RegistrySeen, registry_seen
from scheduler.store import Store, Unavailable
from scheduler.values import ScaleRequest

POLL_EVERY = 0.5
ANSWER_WITHIN = 3.0
_FRESH_SECONDS = 0.25
_REST = 20.0  # a poll that took long is followed by so many times its length of rest
_log = structlog.get_logger("moorage.autoscaler")

Nudge = Callable[[Place], None]


class Registry:
    """One for all pools of a process."""

    def __init__(self, store: Store, nudge: Nudge) -> None:
        """`nudge` is called for a place that should be looked at now."""
        self._store = store
        self._nudge = nudge
        self._seen: RegistrySeen | None = None
        self._seen_at = float("-inf")
        self._reading = asyncio.Lock()
        self._waiting: Mapping[Place, int] = {}
        self._wishes: dict[Place, frozenset[str]] = {}
        self._is_up = True

    async def look(self) -> RegistrySeen | None:
        """Not older than `_FRESH_SECONDS`; None where the store cannot be reached."""
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        async with self._reading:
            if self._seen_at < asked_at - _FRESH_SECONDS:  # also a failure is shared: ten pools do not wait ten times
                began_at = clock()
                self._seen = await self._read()
                self._seen_at = began_at
            return self._seen

    async def run(self) -> None:
        """Polls until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            began_at = clock()
            await self._poll()
            took = clock() - began_at
            await asyncio.sleep(max(POLL_EVERY - took, min(took * _REST, 5 * POLL_EVERY)))

    async def _read(self) -> RegistrySeen | None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                workers = await self._store.workers()
                waiting, requests = await self._store.waiting(), await self._store.scale_requests()
        except (Unavailable, TimeoutError) as error:
            self._note(is_up=False, detail=str(error) or "it did not answer in time")
            return None
        self._note(is_up=True)
        return registry_seen(self._store.now(), workers, waiting, requests)

    async def _poll(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                self._compare(await self._store.waiting(), await self._store.scale_requests())
        except (Unavailable, TimeoutError):
            pass  # each pool finds out for itself when its turn comes
        except Exception:
            _log.exception("registry_poll_failed")

    def _compare(self, waiting: Mapping[Place, int], requests: Iterable[ScaleRequest]) -> None:
        wishes: dict[Place, frozenset[str]] = {}
        for request in requests:
            place = (request.region, request.pool)
            wishes[place] = wishes.get(place, frozenset()) | {request.id}
        longer = {place for place, count in waiting.items() if count > self._waiting.get(place, 0)}
        changed = {place for place in {*wishes, *self._wishes} if wishes.get(place) != self._wishes.get(place)}
        self._waiting, self._wishes = waiting, wishes
        for place in longer | changed:
            self._nudge(place)

    def _note(self, *, is_up: bool, detail: str = "") -> None:
        if is_up is not self._is_up:
            self._is_up = is_up
            if is_up:
                _log.info("store_back")
            else:
                _log.warning("store_unavailable", detail=detail)
