"""One server, kept connected: calls go out at once, wait out a short break, or fail with a sentence.

Decides what may be asked again. Never written: again. Refused before anything ran (NOSCRIPT, TRYAGAIN, MOVED, ASK):
again, a bounded number of times. Written, and then the connection broke: once again if the script is idempotent, else
it fails. Nothing outlives its deadline, which runs from when it was asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from scheduler.io.redis.client.backlog import Backlog
from scheduler.io.redis.client.connection import Asked, Bounds, Connection, Owner
from scheduler.io.redis.client.failures import Failure, Kind, StoreFailed, failure, word
from scheduler.io.redis.client.loading import Loading
from scheduler.io.redis.client.packing import pack
from scheduler.io.redis.client.reconnecting import keep_checking, keep_connected
from scheduler.io.redis.client.schema import WrongSchema

if TYPE_CHECKING:
    from scheduler.io.redis.client.functions import Script

MOST_STRAYS = {"NOSCRIPT": 2, "TRYAGAIN": 5, "MOVED": 3, "ASK": 3}
DROPS = frozenset(
    {"READONLY", "LOADING", "NOAUTH"}
)  # connect anew: somebody else may be the primary, or the login changed
HOPELESS = frozenset({Kind.AUTH, Kind.SCHEMA})  # waiting helps nobody; we go on trying all the same

_ASKING = pack((b"ASKING",))

log = structlog.get_logger(__name__)

Dial = Callable[[Owner], Awaitable[Connection]]
"""Opens a connection to the server. Raises StoreFailed, WrongSchema."""


class Guide(Protocol):
    """Knows the other nodes, and counts."""

    def astray(self, node: Node, asked: Asked, reply: str) -> bool:
        """MOVED or ASK: True if the call was sent on."""

    def failed(self, kind: Kind) -> None:
        """A call, or a connection, failed."""

    def down(self, node: Node) -> None:
        """It is not connected; told again with every try that fails."""


class Node:
    """See the module. `where` names it in sentences and logs."""

    def __init__(self, where: str, dial: Dial, bounds: Bounds, connect_seconds: float, guide: Guide) -> None:
        self.where = where
        self._dial = dial
        self._connect_seconds = connect_seconds
        self._guide = guide
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._new_future = self._loop.create_future
        self._answer_seconds = bounds.answer_seconds
        self._connection: Connection | None = None
        self._backlog = Backlog(bounds)
        self._loading = Loading()
        self._failure = Failure(Kind.CONNECT, f"not yet connected to Redis at {where}")
        self._wrong_schema: WrongSchema | None = None
        self._down_since = self._time()
        self._is_closed = False
        self._known = asyncio.Event()  # connected, or known to be hopeless
        self._lost = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    # asking

    def ask(self, packed: bytes, key: bytes, script: Script | None, is_idempotent: bool) -> asyncio.Future[Any]:
        """One call; its future is the answer, or fails with StoreFailed."""
        future = self._new_future()
        asked = Asked(future, packed, key, script, is_idempotent, self._time() + self._answer_seconds)
        if self._connection is not None:
            self._connection.send(asked)
        else:
            self._wait(asked)
        return future

    def send_guest(self, asked: Asked) -> None:
        """As ASK wants it: ASKING lets the next command in, though this node does not own its slot yet."""
        asked.is_guest = True
        self.ask(_ASKING, asked.key, None, False).cancel()  # nobody reads its answer
        self.send(asked)

    def send(self, asked: Asked) -> None:
        """Asks, now or when connected again."""
        if self._connection is not None:
            self._connection.send(asked)
        else:
            self._wait(asked)

    @property
    def is_connected(self) -> bool:
        """Whether calls go out at once."""
        return self._connection is not None

    def has_left(self, where: str) -> bool:
        """Whether it is closed, or connected to another server than this one: a fail-over."""
        return self._is_closed or (self._connection is not None and self._connection.where != where)

    def _wait(self, asked: Asked) -> None:
        if self._is_closed or self._is_given_up():
            self.fail(asked, self._failure)
        else:
            self._park(asked)

    def _park(self, asked: Asked) -> None:
        if not self._backlog.add(asked):
            self.fail(asked, Failure(Kind.OVERLOAD, f"{self._failure.sentence}; and too many calls wait already"))

    def _is_given_up(self) -> bool:
        """Down for longer than anyone waits, or for a reason that does not pass: fail at once."""
        return self._failure.kind in HOPELESS or self._time() - self._down_since > self._answer_seconds

    # what its connection tells

    def fail(self, asked: Asked, failure: Failure) -> None:
        """The end of a call."""
        if asked.fail(failure):
            self._guide.failed(failure.kind)

    def refused(self, connection: Connection, asked: Asked, reply: str) -> None:
        """An error reply: sent again, or the caller's failure."""
        why = failure(reply, self.where, asked.script.name if asked.script else "")
        if connection is not self._connection:  # of the greeting
            asked.fail(why)
            return
        code = word(reply)
        if asked.strays < MOST_STRAYS.get(code, 0):
            asked.strays += 1
            if self._sent_again(connection, asked, code, reply):
                return
        self.fail(asked, self._loading.refusal if code == "NOSCRIPT" and self._loading.refusal else why)
        if code in DROPS:
            connection.drop(why)

    def _sent_again(self, connection: Connection, asked: Asked, code: str, reply: str) -> bool:
        if code in {"MOVED", "ASK"}:
            return self._guide.astray(self, asked, reply)
        if code == "TRYAGAIN":
            self._park(asked)  # until the next check
            return True
        if asked.script is None:
            return False
        self._loading.load(connection, asked.script.library)
        (self.send_guest if asked.is_guest else self.send)(asked)
        return True

    def pushed(self, connection: Connection, message: list[Any]) -> None:
        """Nothing is subscribed to here."""

    def lost(self, connection: Connection, failure: Failure, written: list[Asked], unwritten: list[Asked]) -> None:
        """Sorts what was in flight into what is asked again and what failed."""
        if connection is not self._connection:  # of the greeting
            for asked in (*written, *unwritten):
                asked.fail(failure)
            return
        self._connection = None
        self._known.clear()
        self._lost.set()
        self._down_since = now = self._time()
        self._note(failure)
        for asked in written:
            if asked.is_idempotent and asked.due > now:
                asked.is_idempotent = False  # once
                self._wait(asked)
            else:
                self.fail(asked, failure)
        for asked in unwritten:
            self._wait(asked)

    # life

    def start(self) -> None:
        """Connects and stays connected until `close`. Once is enough."""
        if self._tasks:
            return
        self._tasks = [
            asyncio.create_task(keep_connected(self._connect, self._lost)),
            asyncio.create_task(keep_checking(self._look, self.where)),
        ]

    async def connected(self) -> None:
        """Waits until it is connected. Raises StoreFailed if it is not in time, WrongSchema; it goes on trying."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._connect_seconds):
                await self._known.wait()
        if self._connection is None:
            raise self._wrong_schema or StoreFailed(self._failure)

    async def dial(self, owner: Owner) -> Connection:
        """Another connection to the same server, for somebody else. Raises StoreFailed."""
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await self._dial(owner)
        except TimeoutError:
            seconds = f"{self._connect_seconds:g} s"
            reason = Failure(Kind.TIMEOUT, f"Redis at {self.where} did not let us in within {seconds}")
            raise StoreFailed(reason) from None
        except WrongSchema as error:
            self._wrong_schema = error  # for whoever waits for the connection
            raise StoreFailed(Failure(Kind.SCHEMA, str(error))) from error

    async def close(self) -> None:
        """Everything that still waits fails."""
        self._is_closed = True
        self._failure = Failure(Kind.CLOSED, f"the connection to Redis at {self.where} is closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            self._connection.drop(self._failure)
        self._fail_all(self._backlog.take())

    def leave(self, failure: Failure) -> None:
        """Gives up this connection for another one."""
        if self._connection is not None:
            self._connection.drop(failure)

    def waiting(self) -> list[Asked]:
        """Takes the calls that wait for a connection, for another node to send."""
        return self._backlog.take()

    async def _connect(self) -> bool:
        try:
            return self._up(await self.dial(self))
        except StoreFailed as error:
            self._note(Failure(error.kind, str(error)))
        except Exception as error:  # without this task nothing connects again
            log.exception("store_dial_failed", where=self.where)
            self._note(Failure(Kind.CONNECT, f"cannot connect to Redis at {self.where}: {error!r}"))
        return self._connection is not None

    def _up(self, connection: Connection) -> bool:
        if not connection.is_open:
            self._note(Failure(Kind.LOST, f"Redis at {self.where} closed the connection at once"))
            return False
        log.info("store_connected", where=connection.where)
        self._lost.clear()
        self._wrong_schema = None
        self._failure = Failure(Kind.CLOSED, f"the connection to Redis at {self.where} is closed")
        self._connection = connection
        self._known.set()
        self._send_all(self._backlog.take())
        return True

    def _note(self, failure: Failure) -> None:
        if self._is_closed:
            return
        if failure.kind is not self._failure.kind:  # once, not with every try
            log.warning("store_down", where=self.where, kind=failure.kind, detail=failure.sentence)
        self._failure = failure
        self._guide.failed(failure.kind)
        self._guide.down(self)
        if failure.kind in HOPELESS:
            self._known.set()
            self._fail_all(self._backlog.take())

    def _look(self) -> None:
        if self._connection is not None:
            self._connection.check(self._time())
        if self._connection is not None:
            self._send_all(self._backlog.take())
        else:
            self._fail_all(self._backlog.take_due(self._time()))

    def _send_all(self, calls: Iterable[Asked]) -> None:
        for asked in calls:
            (self.send_guest if asked.is_guest else self.send)(asked)

    def _fail_all(self, calls: Iterable[Asked]) -> None:
        for asked in calls:
            self.fail(asked, self._failure)
