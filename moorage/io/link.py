"""The worker's end of the link: a thread of its own with a loop of its own, so that a handler that blocks loses nothing.

It dials any of the gateways, registers, beats every second and moves to another gateway when one goes or falls silent. What
it says comes from a `Voice`, what it hears goes to it, both in this thread: a voice's methods are thread-safe and quick.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from moorage.backoff import Backoff
from moorage.deadlines import HEARTBEAT_EVERY, LINK_MOVE
from moorage.endings import at_client, from_status
from moorage.errors import MoorageError, error_for
from moorage.io.gateways import forever, one_address
from moorage.io.succession import closed_of
from moorage.io.wire_log import WIRE_LOG
from moorage.link import (
    MAX_MESSAGE_BYTES,
    SUBPROTOCOLS,
    Ack,
    Directive,
    Goodbye,
    Heartbeat,
    LinkRefused,
    Message,
    Order,
    Register,
    Registered,
    Unknown,
)
from moorage.link_wire import LinkError, decode, encode

log = logging.getLogger("moorage.link")

RETRY = Backoff(first=0.2, most=2.0)
OPEN_SECONDS = 1.5  # one gateway's TCP, TLS and 101: with the jitter under LINK_MOVE
REGISTER_SECONDS = 5.0
SILENT_SECONDS = (
    1.6  # every beat is answered at once: with the wait and the dialling of another gateway under LINK_MOVE
)
FAREWELL_SECONDS = 1.0  # for the last beat's ack
MAX_UNACKED = 64
MAX_OUTBOX = 64


class Voice(Protocol):
    """Whom the link speaks for."""

    def introduce(self, local_host: str) -> Register:
        """The registration, with every session there is now."""

    def welcome(self, registered: Registered) -> None:
        """The gateway took it."""

    def refused(self, error: MoorageError) -> None:
        """It did not. The link goes on trying."""

    def beat(self) -> Heartbeat:
        """The next heartbeat."""

    def acknowledged(self, beat: Heartbeat) -> None:
        """The store took this one."""

    def directed(self, directive: Directive) -> None:
        """An order."""


@dataclass(frozen=True, slots=True)
class Dialing:
    """Where gateways are, and what lets a worker in."""

    gateways: tuple[str, ...]  # ws(s)://host:7403/link
    join_key: str = field(repr=False)
    ssl: SSLContext | None = None  # None: the system's certificates


class Link:
    """Started and stopped once, from the worker's loop."""

    def __init__(self, dialing: Dialing, voice: Voice) -> None:
        self._dialing = dialing
        self._voice = voice
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue(MAX_OUTBOX)
        self._unacked: dict[int, Heartbeat] = {}
        self._heard_at = 0.0
        self._acked = asyncio.Event()
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
        for gateway in forever(self._dialing.gateways):
            try:
                await self._converse(gateway, attempt)
            except _Up as up:
                log.warning("the link to %s is lost: %s", gateway, up)
                attempt = 0
            except MoorageError as error:
                log.warning("%s refused this worker: %s (%s)", gateway, error, error.code.value)
                self._voice.refused(error)
                attempt += 1
            except (OSError, TimeoutError, WebSocketException, LinkError) as error:
                log.warning("no link to %s: %s", gateway, str(error) or type(error).__name__)
                attempt += 1
            except Exception:
                log.exception("the link to %s failed", gateway)
                attempt += 1
            if await self._stopped_within(RETRY.wait(attempt, random.random)) or not threading.main_thread().is_alive():
                return  # a program that ends without `stop` is not held up, nor spoken for

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()

    async def _converse(self, gateway: str, attempt: int) -> None:
        """One connection, until it ends. Raises _Up when it had registered, whatever ended it."""
        async with asyncio.timeout(OPEN_SECONDS * (1 + min(attempt, 5))):
            connection = await self._dial(gateway)
        try:
            registered = await self._register(connection)
            try:
                await self._talk(connection, registered)
            except* (OSError, TimeoutError, WebSocketException, LinkError, MoorageError) as errors:
                raise _Up(_first(errors)) from errors
            await connection.close()
        finally:
            connection.transport.abort()  # a gateway that fell silent is not waited for

    async def _dial(self, gateway: str) -> ClientConnection:
        parts = urlsplit(gateway)
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        host = await one_address(parts.hostname or "", port)
        try:
            return await connect(
                gateway,
                subprotocols=[Subprotocol(each) for each in SUBPROTOCOLS],
                additional_headers={"Authorization": f"Bearer {self._dialing.join_key}"},
                host=host,
                port=port,
                proxy=None,
                compression=None,
                max_size=MAX_MESSAGE_BYTES,
                open_timeout=None,
                logger=WIRE_LOG,
                ping_interval=None,  # beats and acks are the pings
                close_timeout=FAREWELL_SECONDS,
                ssl=(self._dialing.ssl or True) if parts.scheme == "wss" else None,
            )
        except InvalidStatus as refusal:
            response = refusal.response
            raise from_status(
                response.status_code, bytes(response.body), response.headers.get("Retry-After")
            ) from refusal

    async def _register(self, connection: ClientConnection) -> Registered:
        await connection.send(encode(self._voice.introduce(str(connection.local_address[0]))))
        try:
            async with asyncio.timeout(REGISTER_SECONDS):
                answer = decode(await connection.recv(decode=False))
        except WebSocketException:
            await connection.wait_closed()
            raise at_client(closed_of(connection)) from None
        match answer:
            case Registered():
                self._voice.welcome(answer)
                return answer
            case LinkRefused():
                raise error_for(answer.code, answer.detail, retry_after=answer.retry_after)
            case _:
                raise LinkError(f"{type(answer).__name__} where an answer to register belongs")

    async def _talk(self, connection: ClientConnection, registered: Registered) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._unacked.clear()
        every = min(max(registered.heartbeat_every, 0.05), HEARTBEAT_EVERY)
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen(connection))
            posting = tasks.create_task(self._post(connection))
            await self._beat_until_stopped(connection, every)
            await self._part(connection)
            listening.cancel()
            posting.cancel()

    async def _listen(self, connection: ClientConnection) -> None:
        while True:
            heard = decode(await connection.recv(decode=False))
            self._heard_at = asyncio.get_running_loop().time()
            match heard:
                case Ack(seq):
                    self._take_ack(seq)
                case Directive(order=Order.REGISTER):
                    await connection.send(encode(self._voice.introduce(str(connection.local_address[0]))))
                case Directive():
                    self._voice.directed(heard)
                case Registered():
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
        self._acked.set()

    async def _post(self, connection: ClientConnection) -> None:
        while True:
            await connection.send(encode(await self._outbox.get()))

    async def _beat_until_stopped(self, connection: ClientConnection, every: float) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._beat(connection)
            next_beat = clock() + every
            while (left := next_beat - clock()) > 0:
                patience = self._heard_at + SILENT_SECONDS - clock()
                if patience <= 0:
                    raise TimeoutError(f"the gateway said nothing for {SILENT_SECONDS:g} s")
                if await self._stopped_within(min(left, patience)):
                    return

    async def _beat(self, connection: ClientConnection) -> Heartbeat:
        beat = self._voice.beat()
        self._unacked[beat.seq] = beat
        if len(self._unacked) > MAX_UNACKED:
            del self._unacked[next(iter(self._unacked))]
        async with asyncio.timeout(LINK_MOVE):
            await connection.send(encode(beat))
        return beat

    async def _part(self, connection: ClientConnection) -> None:
        """The last beat, its ack where one comes soon, and the goodbye."""
        last = await self._beat(connection)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                while last.seq in self._unacked:
                    self._acked.clear()
                    await self._acked.wait()
        await connection.send(encode(Goodbye("the worker stopped")))


class _Up(Exception):
    """A link that had registered ended."""


def _first(errors: BaseExceptionGroup[Exception]) -> str:
    """What the first of them says."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first) or type(first).__name__
