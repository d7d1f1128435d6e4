"""One wait in the queues of several regions: the first that grants wins, the others are left.

The process whose client waits looks after it. Should it die, its waiters go with its lease, in every region.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from moorage.errors import Code
from moorage.ids import RequestId
from scheduler.io.redis.carrying import carry
from scheduler.io.redis.ground import FLEET, Ground
from scheduler.io.redis.noticewords import Expected, Stranded
from scheduler.io.redis.words import claimed_of
from scheduler.store import Unavailable
from scheduler.values import Granted, Notice, QueueRefused, Refused

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

    def waits(self, request: RequestId) -> bool:
        """Whether it still waits in several regions."""
        return request in self._regions

    def leave(self, request: RequestId, region: str) -> None:
        """It does not wait in this one after all."""
        regions = self._regions.get(request, [])
        if region in regions:
            regions.remove(region)

    def sees(self, notice: Expected | Stranded, region: str, put: Callable[[Notice], None]) -> None:
        """What comes of it, if anything, is put for the gateway."""
        if isinstance(notice, Expected):
            self._start(self._carry(notice.word, region, put))
        else:
            self._start(self._refuse_stranded(notice, region, put))

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
        self._start(self._settle(notice, region, others))
        return True

    async def close(self) -> None:
        """What is under way ends; the leases do the rest."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _settle(self, notice: Granted | QueueRefused, region: str, others: list[str]) -> None:
        try:
            if isinstance(notice, Granted):
                claimed = notice.claimed
                self._ground.remember(claimed.session, region)
                if not self._ground.is_one_node:
                    await self._ground.run("moved", FLEET, [claimed.session, region, claimed.fence])
            await self._leave(notice.request, others)
        except Unavailable as error:
            log.warning("queues_not_left", request=notice.request, detail=str(error))

    async def _carry(self, word: dict[str, Any], region: str, put: Callable[[Notice], None]) -> None:
        """Where it is no longer for this request to move, it has a slot, or is over, and its gateway knows."""
        request = RequestId(word["request"])
        try:
            answer = await carry(self._ground, {**word, "granted": True}, word["carried"])
            if answer is None:
                return
            others = [other for other in self.regions(request) or [] if other != region]
            if answer[0] == "claimed":
                put(Granted(request, claimed_of(answer, region)))
            else:  # its worker was lost on the way
                put(QueueRefused(request, Refused(Code.NO_CAPACITY, "its slot was lost on the way", 0.0)))
            await self._leave(request, others)
        except Unavailable as error:
            log.warning("not_carried", request=request, region=region, detail=str(error))

    async def _refuse_stranded(self, notice: Stranded, region: str, put: Callable[[Notice], None]) -> None:
        """Only when no region is left that could serve it."""
        request = notice.request
        regions = list(self._regions.get(request, [region]))
        try:
            for one in regions:
                if await self._ground.in_region("hopes", one, [notice.wanted]):
                    return
            self.regions(request)
            await self._leave(request, regions)
            retry = self._ground.policy.full_retry_seconds
            put(QueueRefused(request, Refused(Code.NO_CAPACITY, "the last matching worker is gone", retry)))
        except Unavailable as error:
            log.warning("stranded", request=request, detail=str(error))

    async def _leave(self, request: RequestId, regions: list[str]) -> None:
        for region in regions:
            await self._ground.in_region("leave_queue", region, [request])

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
