"""One link while it stands: beats and their acks, orders, the farewell; and how well it is heard.

A gateway that says nothing for SILENT_SECONDS is gone. One that answers, but whose acks take no beat, is alive and cannot reach
the store: the conversation goes on, and who waits at `unheard` may look for a better one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from websockets.exceptions import WebSocketException

from moorage.deadlines import HEARTBEAT_EVERY, LINK_MOVE
from moorage.errors import MoorageError, error_for
from moorage.io.joining import FAREWELL_SECONDS, Linked, introduce
from moorage.io.voice import Voice
from moorage.link import Ack, Directive, Goodbye, Heartbeat, LinkRefused, Message, Order, Registered, Unknown
from moorage.link_wire import LinkError, decode, encode

log = logging.getLogger("moorage.link")

SILENT_SECONDS = (
    1.6  # every beat is answered at once: with the wait and the dialling of another gateway under LINK_MOVE
)
UNTAKEN_SECONDS = 2.25  # a store that needs a second for a beat is slow, not away; 0.75 s are left to SUSPECT_AFTER
MAX_UNACKED = 64


class LinkLost(Exception):
    """A link that had registered ended, and why."""


class Conversation:
    """Over one connection; whoever opened it closes it. Messages of the outbox go out while it runs."""

    def __init__(self, linked: Linked, voice: Voice, outbox: asyncio.Queue[Message], stopping: asyncio.Event) -> None:
        self.linked = linked
        self._connection = linked.connection
        self._voice = voice
        self._outbox = outbox
        self._stopping = stopping
        self._clock = asyncio.get_running_loop().time
        self._heard_at = self._taken_at = self._clock()  # the store took the registration
        self._unacked: dict[int, Heartbeat] = {}
        self._acked = asyncio.Event()

    async def run(self) -> None:
        """Until it is time to stop, farewell included. Raises LinkLost."""
        try:
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen())
                posting = tasks.create_task(self._post())
                await self._beat_until_stopped()
                await self._part()
                listening.cancel()
                posting.cancel()
        except* (OSError, TimeoutError, WebSocketException, LinkError, MoorageError) as errors:
            raise LinkLost(_first(errors)) from errors
        await self._connection.close()

    @property
    def is_heard(self) -> bool:
        """Whether the store took something of this worker within UNTAKEN_SECONDS."""
        return self._untaken_in() > 0

    async def unheard(self) -> None:
        """Returns when it is not."""
        while (left := self._untaken_in()) > 0:  # noqa: ASYNC110 - it says itself when it can first be so
            await asyncio.sleep(left)

    def _untaken_in(self) -> float:
        return self._taken_at + UNTAKEN_SECONDS - self._clock()

    async def _listen(self) -> None:
        while True:
            heard = decode(await self._connection.recv(decode=False))
            self._heard_at = self._clock()
            match heard:
                case Ack(seq):
                    self._take_ack(seq)
                case Directive(order=Order.REGISTER):
                    await introduce(self._connection, self._voice)
                case Directive():
                    self._voice.directed(heard)
                case Registered():
                    self._taken_at = self._heard_at
                    self._voice.welcome(heard)
                case LinkRefused():
                    raise error_for(heard.code, heard.detail, retry_after=heard.retry_after)
                case Unknown(type=kind):
                    log.info("the gateway said %r, which this version does not know", kind)
                case _:
                    raise LinkError(f"{type(heard).__name__} is not for a worker")

    def _take_ack(self, seq: int) -> None:
        for taken in [each for each in self._unacked if each <= seq]:
            self._voice.acknowledged(self._unacked.pop(taken))
            self._taken_at = self._heard_at
        self._acked.set()

    async def _post(self) -> None:
        while True:
            await self._connection.send(encode(await self._outbox.get()))

    async def _beat_until_stopped(self) -> None:
        every = min(max(self.linked.registered.heartbeat_every, 0.05), HEARTBEAT_EVERY)
        while True:
            await self._beat()
            next_beat = self._clock() + every
            while (left := next_beat - self._clock()) > 0:
                patience = self._heard_at + SILENT_SECONDS - self._clock()
                if patience <= 0:
                    raise TimeoutError(f"the gateway said nothing for {SILENT_SECONDS:g} s")
                if await happens(self._stopping, min(left, patience)):
                    return

    async def _beat(self) -> Heartbeat:
        beat = self._voice.beat()
        self._unacked[beat.seq] = beat
        if len(self._unacked) > MAX_UNACKED:
            del self._unacked[next(iter(self._unacked))]
        async with asyncio.timeout(LINK_MOVE):
            await self._connection.send(encode(beat))
        return beat

    async def _part(self) -> None:
        """The last beat, its ack where one comes soon, and the goodbye."""
        last = await self._beat()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                while last.seq in self._unacked:
                    self._acked.clear()
                    await self._acked.wait()
        await self._connection.send(encode(Goodbye("the worker stopped")))


async def happens(event: asyncio.Event, seconds: float) -> bool:
    """Whether it does within so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _first(errors: BaseExceptionGroup[Exception]) -> str:
    """What the first of them says."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first) or type(first).__name__
