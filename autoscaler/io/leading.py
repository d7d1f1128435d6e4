"""Who may write: one process of all that could. Two make it: the store's roles here, a Lease in autoscaler.io.kubernetes.

Whether this process leads is judged by its own monotonic clock, right before each write: a process that was stopped in the
middle of a step knows it without asking anybody.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Protocol

import structlog

from scheduler.store import Store, Unavailable

ASK_EVERY = 1.0
LEAD_SECONDS = 6.0  # another one leads so long after the last sign of this one
_SPARE_SECONDS = 1.0  # it stops to write so long before another may begin
_ANSWER_WITHIN = 2.0
_log = structlog.get_logger("moorage.autoscaler")


class Leader(Protocol):
    """This process's part in the election of one office."""

    @property
    def is_leading(self) -> bool:
        """Now. False as soon as another one could be."""

    async def run(self) -> None:
        """Stands for election until cancelled, and gives the office back at once then. Survives every failure of what it
        asks."""


class StoreLeader:
    """By a role in the store."""

    def __init__(self, store: Store, role: str) -> None:
        self._store = store
        self._role = role
        self._holder = os.urandom(8).hex()
        self._until = 0.0
        self._had = False

    @property
    def is_leading(self) -> bool:
        """By the duration since it was granted last, counted from before it was asked for."""
        return asyncio.get_running_loop().time() < self._until

    async def run(self) -> None:
        """Asks every second."""
        try:
            while True:
                await self._ask()
                await asyncio.sleep(ASK_EVERY)
        finally:
            await self._give_back()

    async def _ask(self) -> None:
        asked_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                has = await self._store.lead(self._role, self._holder, LEAD_SECONDS)
        except (Unavailable, TimeoutError):
            return  # it leads until its time is over
        except Exception:
            _log.exception("lead_failed", role=self._role)
            return
        if has is not self._had:
            _log.info("leading" if has else "following", role=self._role)
        self._had = has
        self._until = asked_at + LEAD_SECONDS - _SPARE_SECONDS if has else 0.0

    async def _give_back(self) -> None:
        self._until = 0.0
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(_ANSWER_WITHIN):
                await self._store.lead(self._role, self._holder, 0.0)


class SharedLeader:
    """The office of several pools, which somebody else stands for election for: one Lease for all of a process."""

    def __init__(self, leader: Leader) -> None:
        self._leader = leader

    @property
    def is_leading(self) -> bool:
        """As the one that is shared."""
        return self._leader.is_leading

    async def run(self) -> None:
        """Nothing to do: whoever made the shared one runs it, and ends it after all pools."""
        await asyncio.Event().wait()
