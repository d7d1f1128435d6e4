"""Sharded pub/sub: one more connection to a node, on which messages come as pushes.

Promises nothing about messages but this: whoever may have missed one is told so, once, and listens anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from scheduler.io.redis.client.connection import Asked, Connection
from scheduler.io.redis.client.failures import Failure, Kind, StoreFailed, failure
from scheduler.io.redis.client.node import Node
from scheduler.io.redis.client.reconnecting import CHECK_EVERY

log = structlog.get_logger(__name__)

Take = Callable[[bytes], None]
Broken = Callable[[], None]


class Listening:
    """One listener of one channel, until `close` or until it broke."""

    def __init__(self, ear: Ear, channel: bytes, take: Take, broken: Broken) -> None:
        self.channel = channel
        self.take = take
        self._ear = ear
        self._broken = broken
        self._is_confirmed = False
        self._is_over = False

    def confirm(self) -> None:
        """The server has subscribed us: from here on a break is told. Before, `listen` raises instead."""
        self._is_confirmed = True

    def tell_broken(self) -> None:
        """Once; never after `close`."""
        if self._is_confirmed and not self._is_over:
            self._is_over = True
            self._broken()

    def close(self) -> None:
        """No message comes after this."""
        self._is_over = True
        self._ear.forget(self)


class Ear:
    """The pub/sub connection of one node. When it breaks it is over; the next listener makes another one."""

    def __init__(self, node: Node, on_failure: Callable[[str], None]) -> None:
        self._node = node
        self._on_failure = on_failure
        self._connection: Connection | None = None
        self._checking: asyncio.Task[None] | None = None
        self._listeners: dict[bytes, list[Listening]] = {}

    async def open(self) -> None:
        """Connects. Raises StoreFailed."""
        self._connection = await self._node.dial(self)
        self._checking = asyncio.create_task(self._check())

    @property
    def is_open(self) -> bool:
        """Whether it can be listened with."""
        return self._connection is not None and self._connection.is_open

    async def close(self) -> None:
        """Everyone who listens is told."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        if self._connection is not None:
            self._connection.drop(Failure(Kind.CLOSED, "the store is closed"))

    async def listen(self, channel: bytes, take: Take, broken: Broken) -> Listening:
        """Returns once the server has confirmed. Raises StoreFailed."""
        assert self._connection is not None, "open first"
        listening = Listening(self, channel, take, broken)
        self._listeners.setdefault(channel, []).append(listening)
        try:
            await self._connection.call(b"SSUBSCRIBE", channel)
        except BaseException:
            listening.close()
            raise
        return listening

    def forget(self, listening: Listening) -> None:
        """The last listener of a channel leaves it on the server too."""
        listeners = self._listeners.get(listening.channel, [])
        if listening not in listeners:
            return
        listeners.remove(listening)
        if not listeners:
            del self._listeners[listening.channel]
            if self._connection is not None and self._connection.is_open:
                self._connection.call(b"SUNSUBSCRIBE", listening.channel).cancel()

    # what its connection tells

    def pushed(self, connection: Connection, message: list[Any]) -> None:
        """A message, or the answer to a subscription."""
        match message:
            case [b"smessage", bytes(channel), bytes(data)]:
                self._deliver(channel, data)
            case [b"ssubscribe", bytes(channel), _]:
                if connection.settle_oldest(b"SSUBSCRIBE", channel):
                    for listening in self._listeners.get(channel, ()):
                        listening.confirm()
            case [b"sunsubscribe", bytes(channel), _]:
                if not connection.settle_oldest(b"SUNSUBSCRIBE", channel):  # the slot has left this node
                    self._break(self._listeners.pop(channel, []))

    def _deliver(self, channel: bytes, data: bytes) -> None:
        for listening in list(self._listeners.get(channel, ())):
            try:
                listening.take(data)
            except Exception:
                log.exception("message_not_taken", channel=channel.decode(errors="replace"))

    def _break(self, listeners: list[Listening]) -> None:
        for listening in listeners:
            try:
                listening.tell_broken()
            except Exception:
                log.exception("break_not_taken")

    def fail(self, asked: Asked, failure: Failure) -> None:
        """The end of a call."""
        if asked.fail(failure):
            self._on_failure(failure.kind.value)

    def refused(self, connection: Connection, asked: Asked, reply: str) -> None:
        """The subscription failed."""
        self.fail(asked, failure(reply, connection.where))

    def lost(self, connection: Connection, failure: Failure, written: list[Asked], unwritten: list[Asked]) -> None:
        """Messages may have been missed from now on."""
        for asked in (*written, *unwritten):
            asked.fail(failure)
        if connection is not self._connection:  # of the greeting
            return
        if failure.kind is not Kind.CLOSED:
            self._on_failure(failure.kind.value)
            log.warning("listening_broke", where=connection.where, detail=failure.sentence)
        listeners = [listening for each in self._listeners.values() for listening in each]
        self._listeners.clear()
        self._break(listeners)

    async def _check(self) -> None:
        while self.is_open and self._connection is not None:
            await asyncio.sleep(CHECK_EVERY)
            where = self._connection.where
            if self._node.has_left(where):  # the old primary may live on as a replica, and hear less
                self._connection.drop(Failure(Kind.LOST, f"{where} is not where these channels are any more"))
            self._connection.check(asyncio.get_running_loop().time())


class Ears:
    """One for each node that somebody listens to."""

    def __init__(self, on_failure: Callable[[str], None]) -> None:
        self._on_failure = on_failure
        self._ears: dict[Node, Ear] = {}
        self._opening = asyncio.Lock()

    async def of(self, node: Node) -> Ear:
        """An open one. Raises StoreFailed."""
        async with self._opening:
            for known in [known for known, ear in self._ears.items() if not ear.is_open]:
                await self._ears.pop(known).close()
            if node not in self._ears:
                ear = Ear(node, self._on_failure)
                try:
                    await ear.open()
                except StoreFailed as error:
                    self._on_failure(error.kind.value)
                    raise
                self._ears[node] = ear
            return self._ears[node]

    async def close(self) -> None:
        """All of them."""
        for ear in self._ears.values():
            await ear.close()
        self._ears.clear()
