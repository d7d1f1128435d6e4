"""One server, kept connected: calls go out at once, wait out a short break, or fail with a sentence.

Decides what may be asked again. Never written: again. Refused before anything ran (NOSCRIPT, TRYAGAIN, MOVED, ASK):
again, a bounded number of times. Written, and then the connection broke: once again if the script is idempotent, else
it fails. Nothing outlives its deadline, which runs from when it was asked.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from moorage.backoff import Backoff
from scheduler.io.redis.connection import Asked, Bounds, Connection, Owner
from scheduler.io.redis.failures import Failure, Kind, StoreFailed, failure, word

if TYPE_CHECKING:
    from scheduler.io.redis.scripts import Script

RECONNECT = Backoff(first=0.1, most=2.0)
LEAST_PAUSE = 0.05
SETTLED_AFTER = 1.0  # a connection that lived so long was a good one: the next try comes quickly again
CHECK_EVERY = 0.25
MOST_STRAYS = {"NOSCRIPT": 2, "TRYAGAIN": 5, "MOVED": 3, "ASK": 3}
DROPS = frozenset({Kind.READONLY, Kind.LOADING})  # look again who is there: a fail-over moves the primary

log = structlog.get_logger(__name__)

Dial = Callable[[Owner], Awaitable[Connection]]


class Guide(Protocol):
    """Knows the other nodes."""

    def astray(self, node: Node, asked: Asked, reply: str) -> bool:
        """MOVED or ASK: True if the call was sent on."""

    def failed(self, kind: Kind) -> None:
        """A call or a try to connect failed, for the metric."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Bounds of a node's connection and of connecting."""

    bounds: Bounds = field(default_factory=Bounds)
    connect_seconds: float = 2.0


class Node:
    """See the module. `where` names it in sentences and logs."""

    def __init__(self, where: str, dial: Dial, patience: Patience, guide: Guide) -> None:
        self.where = where
        self._dial = dial
        self._patience = patience
        self._guide = guide
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._new_future = self._loop.create_future
        self._answer_seconds = patience.bounds.answer_seconds
        self._connection: Connection | None = None
        self._backlog: deque[Asked] = deque()
        self._backlog_bytes = 0
        self._loading: set[bytes] = set()
        self._failure = Failure(Kind.CONNECT, f"not yet connected to Redis at {where}")
        self._down_since = self._time()
        self._is_closed = False
        self._known = asyncio.Event()  # connected, or known to be hopeless
        self._lost = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    # asking

    def ask(self, packed: bytes, script: Script | None, is_idempotent: bool) -> asyncio.Future[Any]:
        """One call; its future is the answer, or fails with StoreFailed."""
        future = self._new_future()
        self.send(Asked(future, packed, script, is_idempotent, self._time() + self._answer_seconds))
        return future

    def send(self, asked: Asked) -> None:
        """Asks, now or when connected again."""
        if self._connection is not None:
            self._connection.send(asked)
        else:
            self._wait(asked)

    def _wait(self, asked: Asked) -> None:
        if self._is_closed or self._is_given_up():
            self.fail(asked, self._failure)
        else:
            self._park(asked)

    def _park(self, asked: Asked) -> None:
        bounds = self._patience.bounds
        if len(self._backlog) >= bounds.calls or self._backlog_bytes >= bounds.bytes:
            self.fail(asked, Failure(Kind.OVERLOAD, f"{self._failure.sentence}; and too many calls wait already"))
        else:
            self._backlog.append(asked)
            self._backlog_bytes += len(asked.packed)

    def _is_given_up(self) -> bool:
        """Down for longer than anyone waits, or for a reason that does not pass: fail at once."""
        return self._failure.kind is Kind.AUTH or self._time() - self._down_since > self._answer_seconds

    def _resume(self) -> None:
        backlog, self._backlog, self._backlog_bytes = self._backlog, deque(), 0
        for asked in backlog:
            if not asked.future.done():
                self.send(asked)

    # what its connection tells

    def fail(self, asked: Asked, failure: Failure) -> None:
        """The end of a call."""
        if asked.fail(failure):
            self._guide.failed(failure.kind)

    def refused(self, connection: Connection, asked: Asked, reply: str) -> None:
        """An error reply: sent again, or the caller's failure."""
        if connection is not self._connection:
            asked.fail(failure(reply, self.where))
            return
        code = word(reply)
        if asked.strays < MOST_STRAYS.get(code, 0):
            asked.strays += 1
            if self._sent_again(connection, asked, code, reply):
                return
        why = failure(reply, self.where, asked.script.name if asked.script else "")
        self.fail(asked, why)
        if why.kind in DROPS or code == "NOAUTH":
            connection.drop(why)

    def _sent_again(self, connection: Connection, asked: Asked, code: str, reply: str) -> bool:
        if code in {"MOVED", "ASK"}:
            return self._guide.astray(self, asked, reply)
        if code == "TRYAGAIN":
            self._park(asked)  # until the next check
            return True
        if asked.script is None:
            return False
        self._load(connection, asked.script)
        connection.send(asked)
        return True

    def _load(self, connection: Connection, script: Script) -> None:
        """Before whatever is sent next; many calls may miss one script, it is loaded once."""
        if script.sha in self._loading:
            return
        self._loading.add(script.sha)
        loaded = connection.call(b"SCRIPT", b"LOAD", script.body)
        loaded.add_done_callback(lambda future: self._loaded(script, future))

    def _loaded(self, script: Script, future: asyncio.Future[Any]) -> None:
        self._loading.discard(script.sha)
        if not future.cancelled() and (error := future.exception()) is not None:
            log.warning("script_not_loaded", script=script.name, detail=str(error))

    def pushed(self, connection: Connection, message: list[Any]) -> None:
        """Nothing is subscribed to here."""

    def lost(self, connection: Connection, failure: Failure, written: list[Asked], unwritten: list[Asked]) -> None:
        """Sorts what was in flight into what is asked again and what failed."""
        if connection is not self._connection:
            for asked in (*written, *unwritten):
                asked.fail(failure)
            return
        self._connection = None
        self._lost.set()
        self._down_since = now = self._time()
        self._down(failure)
        for asked in written:
            if asked.future.done():
                continue
            if asked.is_idempotent and asked.due > now:
                asked.is_idempotent = False  # once
                self._wait(asked)
            else:
                self.fail(asked, failure)
        for asked in unwritten:
            if not asked.future.done():
                self._wait(asked)

    # life

    def start(self) -> None:
        """Connects and stays connected until `close`."""
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._check())]

    async def connected(self) -> None:
        """Waits for the first connection. Raises StoreFailed if there is none in `connect_seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.connect_seconds):
                await self._known.wait()
        if self._connection is None:
            raise StoreFailed(self._failure)

    async def close(self) -> None:
        """Everything that still waits fails."""
        self._is_closed = True
        self._failure = Failure(Kind.CLOSED, f"the connection to Redis at {self.where} is closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            self._connection.drop(self._failure)
        self._fail_backlog(inf)

    async def _keep(self) -> None:
        attempt = 0
        while True:
            if await self._connect():
                since = self._time()
                await self._lost.wait()
                attempt = 0 if self._time() - since > SETTLED_AFTER else attempt
            await asyncio.sleep(max(LEAST_PAUSE, RECONNECT.wait(attempt, random.random)))
            attempt += 1

    async def _connect(self) -> bool:
        try:
            async with asyncio.timeout(self._patience.connect_seconds):
                connection = await self._dial(self)
        except StoreFailed as error:
            self._down(Failure(error.kind, str(error)))
        except TimeoutError:
            seconds = self._patience.connect_seconds
            self._down(Failure(Kind.TIMEOUT, f"Redis at {self.where} did not let us in within {seconds:g} s"))
        except Exception as error:
            log.exception("store_dial_failed", where=self.where)
            self._down(Failure(Kind.CONNECT, f"cannot connect to Redis at {self.where}: {error!r}"))
        else:
            return self._up(connection)
        return False

    def _up(self, connection: Connection) -> bool:
        if not connection.is_open:
            self._down(Failure(Kind.LOST, f"Redis at {self.where} closed the connection at once"))
            return False
        log.info("store_connected", where=self.where)
        self._loading.clear()
        self._lost.clear()
        self._connection = connection
        self._known.set()
        self._resume()
        return True

    def _down(self, failure: Failure) -> None:
        if self._is_closed:
            return
        self._guide.failed(failure.kind)
        log.warning("store_down", where=self.where, kind=failure.kind, detail=failure.sentence)
        self._failure = failure
        if failure.kind is Kind.AUTH:
            self._known.set()
            self._fail_backlog(inf)

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_EVERY)
            now = self._time()
            if self._connection is not None:
                self._connection.check(now)
            if self._connection is not None:
                self._resume()
            else:
                self._fail_backlog(now)

    def _fail_backlog(self, due_until: float) -> None:
        backlog, self._backlog, self._backlog_bytes = self._backlog, deque(), 0
        for asked in backlog:
            if asked.due <= due_until:
                self.fail(asked, self._failure)
            elif not asked.future.done():
                self._backlog.append(asked)
                self._backlog_bytes += len(asked.packed)
