"""Notices to gateways: one bounded mailbox for each watch, and the iterator that empties it.

A mailbox begins with the call of `watch`, not with its first iteration. It holds at most `notices_per_gateway`; beyond
that the watch breaks with Unavailable and what it held is dropped, because a gateway that far behind must adopt anew:
adopting answers what is stale, grants it never saw lapse with their reservation. Watching again ends an earlier watch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from moorage.ids import GatewayId
from scheduler.store import Unavailable
from scheduler.values import Notice


class Mailbox(AsyncIterator[Notice]):
    """What one gateway has not read yet."""

    def __init__(self, bound: int) -> None:
        self._notices: deque[Notice] = deque()
        self._bound = bound
        self._reader: asyncio.Future[None] | None = None
        self._is_closed = False
        self._is_broken = False

    def put(self, notice: Notice) -> None:
        """To the end of the line."""
        if self._is_closed or self._is_broken:
            return
        if len(self._notices) >= self._bound:
            self._notices.clear()
            self._is_broken = True
        else:
            self._notices.append(notice)
        self._wake()

    def close(self) -> None:
        """Nothing more comes: the iterator ends behind what is there."""
        self._is_closed = True
        self._wake()

    async def __anext__(self) -> Notice:
        while not self._notices:
            if self._is_broken:
                self._is_closed, self._is_broken = True, False
                raise Unavailable("this gateway did not read its notices; adopt and watch again")
            if self._is_closed:
                raise StopAsyncIteration
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._notices.popleft()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class Mailboxes:
    """By gateway. What is put for a gateway that does not watch is dropped."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._by_gateway: dict[GatewayId, Mailbox] = {}

    def watch(self, gateway: GatewayId) -> Mailbox:
        """A new mailbox from now on."""
        self.close(gateway)
        mailbox = self._by_gateway[gateway] = Mailbox(self._bound)
        return mailbox

    def is_watching(self, gateway: GatewayId) -> bool:
        """Whether what is put for it may be read."""
        return gateway in self._by_gateway

    def put(self, gateway: GatewayId, notice: Notice) -> None:
        """To one gateway."""
        mailbox = self._by_gateway.get(gateway)
        if mailbox is not None:
            mailbox.put(notice)

    def put_all(self, notice: Notice) -> None:
        """To every gateway that watches."""
        for mailbox in self._by_gateway.values():
            mailbox.put(notice)

    def close(self, gateway: GatewayId) -> None:
        """Ends its watch."""
        mailbox = self._by_gateway.pop(gateway, None)
        if mailbox is not None:
            mailbox.close()
