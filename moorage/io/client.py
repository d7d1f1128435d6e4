"""The client SDK: one session over as many connections as it takes.

    async with moorage.connect(url, token) as ws:
        await ws.send("hello")
        async for message in ws:
            print(message)

A lost connection is opened again, with jitter, for `resume_seconds`, and the session goes on. What cannot come back is raised
as a moorage.errors class: `error.code` says what, `str(error)` what to do.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from ssl import SSLContext
from types import TracebackType

from websockets.asyncio.client import ClientConnection

from moorage.deadlines import RESUME
from moorage.endings import Closed, at_client, is_normal
from moorage.errors import Code, MoorageError, error_for
from moorage.io.credentials import Credentials, Token
from moorage.io.dialing import Address, open_socket
from moorage.io.succession import Message, Succession, closed_of
from moorage.reconnect import ELSEWHERE, Outage, Rounds, next_try

log = logging.getLogger("moorage.client")

__all__ = ["Connection", "Message", "Token", "connect"]

STABLE_SECONDS = 1.0  # a connection that lasted so long ends an outage; a refusal after the 101 does not

OnReconnect = Callable[["Connection"], Awaitable[None] | None]


class Connection:
    """Made by `connect`. One task reads, any number send."""

    def __init__(self, address: Address, credentials: Credentials, resume_seconds: float) -> None:
        self.attaches = 0  # connections so far
        self.closed: Closed | None = None  # how the newest connection ended, while there is no other
        self._address = address
        self._credentials = credentials
        self._resume_seconds = resume_seconds
        self._rounds = Rounds(address.urls())
        self._sockets = Succession()
        self._on_reconnect: OnReconnect | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._is_closing = False

    @property
    def is_connected(self) -> bool:
        """Whether a socket is open now."""
        return self._sockets.socket is not None

    @property
    def subprotocol(self) -> str | None:
        """As the worker chose."""
        socket = self._sockets.socket
        return None if socket is None else socket.subprotocol

    async def send(self, message: Message) -> None:
        """str goes as text, bytes as binary. Waits while the connection is being opened again. Raises MoorageError when the
        session is over or could not be resumed. What was on its way when a connection was cut may be lost."""
        await self._sockets.send(message)

    async def recv(self) -> Message:
        """The next message. Raises MoorageError: SESSION_ENDED after a normal close, else why."""
        return await self._sockets.recv()

    def __aiter__(self) -> Connection:
        return self

    async def __anext__(self) -> Message:
        """Ends with a normal close of the session; raises MoorageError for any other end."""
        try:
            return await self._sockets.recv()
        except MoorageError:
            if self._is_closing or (self.closed is not None and is_normal(self.closed)):
                raise StopAsyncIteration from None
            raise

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """1000 ends the session; 1001 leaves it to be resumed."""
        self._is_closing = True
        tasks = [
            task for task in (self._keeping, self._telling) if task is not None and task is not asyncio.current_task()
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        socket = self._sockets.finish(error_for(Code.SESSION_ENDED, "this side closed the session"))
        if socket is not None:
            await socket.close(code, reason)

    async def open(self, connect_seconds: float) -> None:
        """The first connection. Raises MoorageError."""
        socket = await self._reached(Outage(connect_seconds, is_first=True), None)
        self._keeping = asyncio.create_task(self._keep(socket), name="moorage-connection")

    def call_on_reconnect(self, callback: OnReconnect | None) -> None:
        """After each connection but the first; cancelled when that one is lost too."""
        self._on_reconnect = callback

    async def _keep(self, socket: ClientConnection) -> None:
        """Opens the next connection whenever one is lost, until the session is over."""
        clock = asyncio.get_running_loop().time
        outage_since: float | None = None
        attempt = 0
        try:
            while True:
                opened_at = clock()
                await socket.wait_closed()
                lost_at = clock()
                self._sockets.detach(socket)
                self.closed = closed_of(socket)
                error = at_client(self.closed)
                if outage_since is None or lost_at - opened_at >= STABLE_SECONDS:
                    outage_since, attempt = lost_at, 0
                else:
                    attempt += 1
                log.info("connection lost: %s (%s)", error, error.code.value)
                if self.closed.received is None or error.code in ELSEWHERE:  # a cut says nothing: it may be the gateway
                    self._rounds.leave(random.shuffle)
                outage = Outage(self._resume_seconds, lost_at - outage_since, attempt)
                socket = await self._reached(outage, error)
                self._tell()
        except MoorageError as error:
            self._sockets.finish(error)
        except Exception as error:
            log.exception("the connection failed")
            self._sockets.finish(error_for(Code.INTERNAL, f"{type(error).__name__}: {error}"))

    async def _reached(self, outage: Outage, error: MoorageError | None) -> ClientConnection:
        """Tries until a socket is open. Raises the error that ended the trying."""
        clock = asyncio.get_running_loop().time
        started, attempt, is_renewed = clock() - outage.elapsed, outage.attempt, False
        while True:
            if error is not None:
                now = Outage(outage.limit, clock() - started, attempt, outage.is_first)
                is_renewed = await self._wait(error, now, is_renewed=is_renewed)
                attempt += 1
            try:
                socket = await self._open_anywhere()
            except MoorageError as failure:
                error = failure
                continue
            self._sockets.attach(socket)
            self.attaches += 1
            self.closed = None
            return socket

    async def _open_anywhere(self) -> ClientConnection:
        """At the gateway that is next, and at once at another where that one is gone or going. Raises MoorageError."""
        last: MoorageError | None = None
        for url in self._rounds.one():
            try:
                socket = await open_socket(self._address, url, await self._credentials.token())
            except MoorageError as failure:
                if failure.code not in ELSEWHERE:
                    raise
                last = failure
            else:
                self._rounds.prefer(url)
                return socket
        assert last is not None, "a session has a url"
        raise last

    async def _wait(self, error: MoorageError, outage: Outage, *, is_renewed: bool) -> bool:
        """Until the next try. Raises the error where there is none. True once a fresh token was asked for."""
        if error.code is Code.INVALID_SESSION_TOKEN and self._credentials.is_renewable and not is_renewed:
            self._credentials.refuse()
            return True
        wait = next_try(error, outage, random.random)
        if wait is None:
            raise error
        log.info("trying again in %.2f s: %s (%s)", wait, error, error.code.value)
        await asyncio.sleep(wait)
        return is_renewed

    def _tell(self) -> None:
        """In a task of its own: a callback that waits for the connection must not keep it from being opened again."""
        if self._telling is not None:
            self._telling.cancel()
        if self._on_reconnect is not None:
            self._telling = asyncio.create_task(self._told(self._on_reconnect), name="moorage-on-reconnect")

    async def _told(self, callback: OnReconnect) -> None:
        try:
            answer = callback(self)
            if inspect.isawaitable(answer):
                await answer
        except MoorageError as error:
            log.info("on_reconnect gave up: %s", error)  # the session is over: whoever reads hears it too
        except Exception:
            log.exception("on_reconnect failed")


class connect:  # noqa: N801 - a callable, as in `websockets`
    """`async with connect(url, token) as ws`, or `ws = await connect(url, token)` and `await ws.close()`.

    `url` and the token come from your backend (POST /api/v1/sessions). `token` may be a function, plain or async, that fetches
    a fresh one; it is asked again when a gateway refuses the one it gave. `connect_seconds` bounds the first connection with
    its retries, `resume_seconds` each later outage. `gateways` are other addresses where the session is known: one that is gone
    or going costs no wait, the next one is tried at once. Raises MoorageError, ValueError for a wrong url.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        gateways: Sequence[str] = (),
        ssl: SSLContext | None = None,
        connect_seconds: float = 10.0,
        resume_seconds: float = RESUME,
        open_seconds: float = 45.0,
        on_reconnect: OnReconnect | None = None,
        subprotocols: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        ping_seconds: float | None = 20.0,
        max_size: int = 1 << 20,
        max_queue: int = 16,
        compression: str | None = None,
        proxy: str | None = None,
    ) -> None:
        address = Address(
            url=url,
            gateways=tuple(gateways),
            ssl=ssl,
            subprotocols=tuple(subprotocols),
            headers=dict(headers or {}),
            open_seconds=open_seconds,
            ping_seconds=ping_seconds,
            max_size=max_size,
            max_queue=max_queue,
            compression=compression,
            proxy=proxy,
        )
        self._connection = Connection(address, Credentials(token), resume_seconds)
        self._connection.call_on_reconnect(on_reconnect)
        self._connect_seconds = connect_seconds

    def __await__(self) -> Generator[object, None, Connection]:
        return self._open().__await__()

    async def __aenter__(self) -> Connection:
        return await self._open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()

    async def _open(self) -> Connection:
        await self._connection.open(self._connect_seconds)
        return self._connection
