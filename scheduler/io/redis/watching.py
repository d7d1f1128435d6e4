"""Notices to a gateway: its channels in all shards, read into one bounded mailbox. A gap breaks the watch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from functools import partial
from typing import Any

import structlog

from moorage.ids import GatewayId
from scheduler.io.redis.client.shards import Listening
from scheduler.io.redis.ground import FLEET, Ground, region_tag
from scheduler.io.redis.message import unpack
from scheduler.io.redis.noticewords import Expected, Stranded, notice_of, words_of
from scheduler.io.redis.spreading import Spread
from scheduler.io.redis.words import gateway_channel
from scheduler.store import Unavailable
from scheduler.values import Notice

log = structlog.get_logger(__name__)


class Watch(AsyncIterator[Notice]):
    """One gateway's notices from its opening on. `close` ends the iterator behind what is there."""

    def __init__(self, ground: Ground, spread: Spread, gateway: GatewayId) -> None:
        self._ground = ground
        self._spread = spread
        self._gateway = gateway
        self._bound = ground.policy.notices_per_gateway
        self._notices: deque[Notice] = deque()
        self._listening: list[Listening] = []
        self._heard = asyncio.Event()
        self._is_closed = False
        self._broken = ""
        ground.on_region.append(self._listen)
        opening = asyncio.ensure_future(self._open())
        ground.settling.add(opening)
        opening.add_done_callback(ground.settling.discard)

    def close(self) -> None:
        """Nothing more comes."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._listen in self._ground.on_region:
            self._ground.on_region.remove(self._listen)
        for listening in self._listening:
            listening.close()
        self._heard.set()

    async def __anext__(self) -> Notice:
        while not self._notices:
            if self._broken:
                why, self._broken = self._broken, ""
                self.close()
                raise Unavailable(why)
            if self._is_closed:
                raise StopAsyncIteration
            self._heard.clear()
            await self._heard.wait()
        return self._notices.popleft()

    async def _open(self) -> None:
        """A failure breaks the watch: whoever reads it hears. The first channel opens the connection for all."""
        try:
            await self._hear(FLEET, ":all", "")
            own = gateway_channel(self._gateway)
            await _all_of(self._hear(FLEET, own, ""), *(self._listen(region) for region in self._ground.regions))
        except Unavailable as error:
            self._break(str(error))

    async def _listen(self, region: str) -> None:
        await self._hear(region_tag(region), gateway_channel(self._gateway), region)

    async def _hear(self, tag: str, channel: str, region: str) -> None:
        listening = await self._ground.shards.listen(tag, channel, partial(self._take, region), self._break)
        if self._is_closed:
            listening.close()
        else:
            self._listening.append(listening)

    def _take(self, region: str, message: bytes) -> None:
        if self._is_closed or self._broken:
            return
        try:
            for word in words_of(unpack(message)):
                self._hear_one(word, region)
        except (ValueError, TypeError, IndexError):
            log.exception("notice_not_understood")

    def _hear_one(self, word: list[Any], region: str) -> None:
        notice = notice_of(word, region)
        if isinstance(notice, Expected | Stranded):
            self._spread.sees(notice, region, self._put)
        elif self._spread.hears(notice, region):
            self._put(notice)

    def _put(self, notice: Notice) -> None:
        if self._is_closed or self._broken:
            return
        if len(self._notices) >= self._bound:
            self._notices.clear()
            self._break("this gateway did not read its notices; adopt and watch again")
            return
        self._notices.append(notice)
        self._heard.set()

    def _break(self, why: str = "the channel of notices broke; adopt and watch again") -> None:
        if not self._is_closed and not self._broken:
            self._broken = why
            self._heard.set()


class Watches:
    """At most one for each gateway of this process: watching again ends an earlier watch."""

    def __init__(self, ground: Ground, spread: Spread) -> None:
        self._ground = ground
        self._spread = spread
        self._by_gateway: dict[GatewayId, Watch] = {}

    def watch(self, gateway: GatewayId) -> Watch:
        self.close(gateway)
        watch = self._by_gateway[gateway] = Watch(self._ground, self._spread, gateway)
        return watch

    def close(self, gateway: GatewayId) -> None:
        watch = self._by_gateway.pop(gateway, None)
        if watch is not None:
            watch.close()

    def close_all(self) -> None:
        for gateway in list(self._by_gateway):
            self.close(gateway)


async def _all_of(*opening: Coroutine[Any, Any, None]) -> None:
    """At once; the first failure is raised when all are settled."""
    for failed in await asyncio.gather(*opening, return_exceptions=True):
        if failed is not None:
            raise failed
