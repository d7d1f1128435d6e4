"""One wait in the queues of several regions: the first that grants wins, the others are left.

The process whose client waits looks after it. Should it die, its waiters go with its lease, in every region.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from moorage.errors import Code
from moorage.ids import RequestId, SessionId
from scheduler.io.redis.ground import FLEET, Ground
from scheduler.store import Unavailable
from scheduler.values import Granted, Notice, QueueRefused

_GOES_ON = frozenset({Code.NO_CAPACITY, Code.ADMISSION_TIMEOUT})  # of one region; the others may still grant

log = structlog.get_logger(__name__)


class Spread:
    """The waits of this process that are in more than one region."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._regions: dict[RequestId, list[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, request: RequestId, regions: list[str]) -> None:
        """It waits in all of these."""
        self._regions[request] = regions

    def regions(self, request: RequestId) -> list[str] | None:
        """Where it waits; None for a wait in one region. It is no longer looked after."""
        return self._regions.pop(request, None)

    def hears(self, notice: Notice, region: str) -> bool:
        """Whether this notice is for the gateway: a refusal by one of several regions is not."""
        if not isinstance(notice, Granted | QueueRefused):
            return True
        regions = self._regions.get(notice.request)
        if regions is None:
            return True
        if isinstance(notice, QueueRefused) and notice.refused.code in _GOES_ON and len(regions) > 1:
            regions.remove(region)
            return False
        others = [other for other in self._regions.pop(notice.request) if other != region]
        granted = notice.claimed.session if isinstance(notice, Granted) else None
        self._start(self._settle(notice.request, granted, region, others))
        return True

    async def close(self) -> None:
        """What is under way ends; the leases do the rest."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _settle(self, request: RequestId, granted: SessionId | None, region: str, others: list[str]) -> None:
        try:
            if granted is not None:
                self._ground.remember(granted, region)
                if not self._ground.is_one_node:
                    await self._ground.run("moved", FLEET, [granted, region])
            for other in others:
                await self._ground.in_region("leave_queue", other, [request])
        except Unavailable as error:
            log.warning("queues_not_left", request=request, detail=str(error))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
