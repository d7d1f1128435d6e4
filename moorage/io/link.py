"""The worker's end of the link: a thread of its own with a loop of its own, so that a handler that blocks loses nothing.

It decides where the link ends. It leaves a gateway that goes or falls silent. A gateway that is alive while the store takes no
beat through it is kept until another one has registered this worker: where all are cut off, a live link is better than none.
One link begins in moorage/io/joining.py, and is talked over in moorage/io/conversation.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
from collections.abc import Callable, Collection

from websockets.exceptions import WebSocketException

from moorage.backoff import Backoff
from moorage.errors import MoorageError
from moorage.io.conversation import Conversation, LinkLost, happens
from moorage.io.gateways import addresses, forever, move_to_new
from moorage.io.joining import (
    FAREWELL_SECONDS,
    OPEN_SECONDS,
    REGISTER_SECONDS,
    Dialing,
    Linked,
    dial,
    place_of,
    register,
)
from moorage.io.voice import Voice
from moorage.link import Message
from moorage.link_wire import LinkError

log = logging.getLogger("moorage.link")

RETRY = Backoff(first=0.2, most=2.0)
SEEK = Backoff(first=0.25, most=15.0)  # four tries before WORKER_LOST_AFTER; then the store is away for all gateways
CALM_SECONDS = 30.0  # without looking for another gateway: the next search begins without a wait
LOOK_EVERY = 60.0  # for new gateways behind the name, give or take half of it
MAX_OUTBOX = 64

_NO_LINK = (OSError, TimeoutError, WebSocketException, LinkError)


class Link:
    """Started and stopped once, from the worker's loop."""

    def __init__(self, dialing: Dialing, voice: Voice) -> None:
        self._dialing = dialing
        self._voice = voice
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue(MAX_OUTBOX)
        self._gateways = forever(dialing.gateways)
        self._seeks = 0
        self._sought_at = 0.0
        self._moving = asyncio.Lock()  # one move at a time: the newest registration is the one that counts
        self._runs = threading.Event()
        self._thread = threading.Thread(target=self._run, name="moorage-link", daemon=True)

    def start(self) -> None:
        """Returns when the thread runs; it need not be linked."""
        self._thread.start()
        self._runs.wait()

    def say(self, message: Message) -> None:
        """From any thread; dropped while there is no connection for it to go out on within the outbox's bound."""
        self._in_thread(self._outbox_put, message)

    async def stop(self) -> None:
        """Sends what is left to say and a goodbye, and waits for the thread (a few seconds at most)."""
        self._in_thread(self._stopping.set)
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, REGISTER_SECONDS + FAREWELL_SECONDS)

    def _in_thread(self, act: object, *said: object) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nothing is left to say
                loop.call_soon_threadsafe(act, *said)  # type: ignore[arg-type]

    def _outbox_put(self, message: Message) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._outbox.put_nowait(message)

    def _run(self) -> None:
        asyncio.run(self._stay_linked())

    async def _stay_linked(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._runs.set()
        attempt = 0
        for gateway in self._gateways:
            try:
                linked = await self._join(gateway, OPEN_SECONDS * (1 + min(attempt, 5)))
                self._dialing.choice.answered()
                await self._talk(linked)
            except LinkLost as lost:
                log.warning("the link is lost: %s", lost)
                attempt = 0
            except MoorageError as error:
                log.warning("%s refused this worker: %s (%s)", gateway, error, error.code.value)
                self._voice.refused(error)
                attempt += 1
            except _NO_LINK as error:
                log.warning("no link to %s: %s", gateway, str(error) or type(error).__name__)
                attempt += 1
            except Exception:
                log.exception("the link to %s failed", gateway)
                attempt += 1
            wait = RETRY.wait(attempt, random.random)
            if await happens(self._stopping, wait) or not threading.main_thread().is_alive():
                return  # a program that ends without `stop` is not held up, nor spoken for

    async def _join(
        self, gateway: str, seconds: float, besides: Collection[str] = (), is_needed: Callable[[], bool] = lambda: True
    ) -> Linked:
        """A link to this gateway, elsewhere than at `besides`. Raises MoorageError or one of _NO_LINK."""
        connection = await dial(self._dialing, gateway, seconds, besides)
        try:
            if not is_needed():
                raise TimeoutError("not needed any more")
            return Linked(gateway, connection, await register(connection, self._voice))
        except BaseException:
            connection.transport.abort()
            raise

    async def _talk(self, linked: Linked) -> None:
        """Over one link after the other, until it is time to stop. Raises LinkLost."""
        following: Linked | None = linked
        while following is not None:
            following = await self._talk_over(following)

    async def _talk_over(self, linked: Linked) -> Linked | None:
        """Over one link: until there is a better one, or None when it is time to stop. Raises LinkLost."""
        conversation = Conversation(linked, self._voice, self._outbox, self._stopping)
        talking, seeking = asyncio.create_task(conversation.run()), asyncio.create_task(self._seek(conversation))
        spreading = asyncio.create_task(self._spread(conversation))
        try:
            await asyncio.wait((talking, seeking, spreading), return_when=asyncio.FIRST_COMPLETED)
            for better in (seeking, spreading):
                if better.done():
                    return better.result()
            await talking
            return None
        except LinkLost:
            self._dialing.choice.failed(linked.host)
            raise
        finally:
            for task in (talking, seeking, spreading):
                task.cancel()
            await asyncio.gather(talking, seeking, spreading, return_exceptions=True)
            linked.connection.transport.abort()  # a gateway that fell silent is not waited for

    async def _spread(self, conversation: Conversation) -> Linked:
        """A link to a gateway that came to the name later, if it is this worker's turn to move there."""
        linked = conversation.linked
        host, port = place_of(linked.gateway)
        known: set[str] = set()
        while True:
            with contextlib.suppress(OSError):  # no answer of the name's server is no news
                found = await addresses(host, port)
                before, known = known, {*found, linked.host}
                if before and move_to_new(before, found, random.random):
                    moved = await self._join_instead(linked.gateway, before, lambda: not self._stopping.is_set())
                    if moved is not None:
                        log.info("the link moved from %s to %s, which is new", linked.host, moved.host)
                        return moved
            await asyncio.sleep(LOOK_EVERY * (0.5 + random.random()))

    async def _seek(self, conversation: Conversation) -> Linked:
        """A link to another gateway, when the store takes nothing over this one."""
        here = conversation.linked.gateway
        while True:
            await conversation.unheard()
            log.warning("%s is there, but the store takes no beat through it: looking for another gateway", here)
            linked = await self._search(conversation)
            if linked is not None:
                log.info("the link moved from %s to %s", here, linked.gateway)
                return linked
            log.info("the store takes beats through %s again", here)

    async def _search(self, conversation: Conversation) -> Linked | None:
        """Gateway after gateway; None once the store takes beats over the link there is."""
        clock = asyncio.get_running_loop().time
        if clock() - self._sought_at > CALM_SECONDS:
            self._seeks = 0
        while True:
            await asyncio.sleep(SEEK.wait(self._seeks, random.random))
            if conversation.is_heard:
                return None
            self._seeks, self._sought_at = self._seeks + 1, clock()
            besides = (conversation.linked.host,)
            linked = await self._join_instead(next(self._gateways), besides, lambda: not conversation.is_heard)
            if linked is not None:
                return linked

    async def _join_instead(
        self, gateway: str, besides: Collection[str], is_needed: Callable[[], bool]
    ) -> Linked | None:
        """None where that gateway is no better. Refusals are not the worker's business: it is linked."""
        try:
            async with self._moving:
                return await self._join(gateway, OPEN_SECONDS, besides, is_needed)
        except (MoorageError, *_NO_LINK) as error:
            log.debug("%s is no better: %s", gateway, str(error) or type(error).__name__)
            return None
