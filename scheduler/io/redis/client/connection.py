"""One socket to Redis, shared by everyone: calls asked in one turn of the loop leave in few writes, answers come in order.

Decides nothing about trying again: whoever owns it hears which calls an error or a break hit, and whether their bytes
were written. The order of calls holds only on this socket and only while nothing fails.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from hiredis import ProtocolError, PushNotification, Reader, ReplyError

from scheduler.io.redis.client.failures import Failure, Kind, StoreFailed
from scheduler.io.redis.client.packing import Part, pack

if TYPE_CHECKING:
    from scheduler.io.redis.client.functions import Script

IDLE_PING_AFTER = (
    1.0  # a silent connection is asked whether it lives, so that a dead one is found before a call is lost
)
REPLY_BYTES = 64 << 20  # a reply that is larger is no answer to anything that we ask
WRITE_AT = 16  # calls; the server works on them while this process still makes the rest of a turn's
WRITE_BYTES = 1_000  # of one call: it is several in one

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait for answers on one connection, and for how long."""

    calls: int = 20_000
    bytes: int = 32 << 20
    answer_seconds: float = 2.0


class Asked:
    """One call: its future, its bytes (to send them again), when it is given up, and how often it went astray."""

    __slots__ = ("due", "future", "is_guest", "is_idempotent", "key", "packed", "script", "strays")

    def __init__(
        self,
        future: asyncio.Future[Any],
        packed: bytes,
        key: bytes,
        script: Script | None,
        is_idempotent: bool,
        due: float,
    ) -> None:
        self.future = future
        self.packed = packed
        self.key = key
        self.script = script
        self.is_idempotent = is_idempotent
        self.due = due
        self.strays = 0
        self.is_guest = False  # sent to a node that does not own its slot yet, by an ASK

    def fail(self, failure: Failure) -> bool:
        """False where nobody waits any more."""
        if self.future.done():
            return False
        self.future.set_exception(StoreFailed(failure))
        return True


class Owner(Protocol):
    """Who hears what a connection cannot settle itself."""

    def fail(self, asked: Asked, failure: Failure) -> None:
        """Fails this call, and counts it."""

    def refused(self, connection: Connection, asked: Asked, reply: str) -> None:
        """The server answered this call with an error; the call is the owner's now."""

    def pushed(self, connection: Connection, message: list[Any]) -> None:
        """An out-of-band message."""

    def lost(self, connection: Connection, failure: Failure, written: list[Asked], unwritten: list[Asked]) -> None:
        """The connection is over, told once; these calls are the owner's now."""


class Connection(asyncio.Protocol):
    """See the module. `where` names the server in sentences."""

    def __init__(self, where: str, bounds: Bounds, owner: Owner) -> None:
        self.where = where
        self.is_open = False
        self._owner = owner
        self._bounds = bounds
        self._most_calls, self._most_bytes = bounds.calls, bounds.bytes
        self._loop = asyncio.get_running_loop()
        self._reader = Reader(notEnoughData=_NOTHING)
        self._in_flight: deque[Asked] = deque()
        self._out: list[bytes] = []
        self._bytes = 0
        self._heard_at = self._loop.time()
        self._failure: Failure | None = None
        self._transport: asyncio.Transport | None = None

    # asking

    def call(self, *parts: Part) -> asyncio.Future[Any]:
        """A command; fails with StoreFailed."""
        due = self._loop.time() + self._bounds.answer_seconds
        asked = Asked(self._loop.create_future(), pack(parts), b"", None, False, due)
        self.send(asked)
        return asked.future

    def send(self, asked: Asked) -> None:
        """Queues a call for this turn's write; beyond the bounds it fails at once."""
        in_flight = self._in_flight
        if not self.is_open or len(in_flight) >= self._most_calls or self._bytes >= self._most_bytes:
            self._turn_away(asked)
            return
        in_flight.append(asked)
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(asked.packed)
        self._bytes += len(asked.packed)
        if len(self._out) >= WRITE_AT or len(asked.packed) >= WRITE_BYTES:
            self._flush()

    def _turn_away(self, asked: Asked) -> None:
        if not self.is_open:
            asked.fail(self._failure or Failure(Kind.CLOSED, f"the connection to Redis at {self.where} is not open"))
            return
        waiting = f"{len(self._in_flight)} calls and {self._bytes} bytes wait for it already"
        self._owner.fail(asked, Failure(Kind.OVERLOAD, f"Redis at {self.where} does not keep up: {waiting}"))

    def _flush(self) -> None:
        if self._transport is not None and self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    # answers

    def data_received(self, data: bytes) -> None:
        """Settles calls in the order they were asked."""
        self._heard_at = self._loop.time()
        try:
            self._reader.feed(data)
            self._settle()
        except ProtocolError as error:
            self.drop(Failure(Kind.PROTOCOL, f"what listens at {self.where} does not speak Redis: {error}"))

    def _settle(self) -> None:
        gets, in_flight, freed = self._reader.gets, self._in_flight, 0
        try:
            while True:
                try:
                    reply = gets()
                except (TypeError, ValueError) as error:  # a list as a map's key, text that is none
                    raise ProtocolError(str(error)) from error
                if reply is _NOTHING:
                    break
                if reply.__class__ is PushNotification:
                    self._owner.pushed(self, cast(list[Any], reply))
                    continue
                if not in_flight:
                    raise ProtocolError("an answer to nothing")
                asked = in_flight.popleft()
                freed += len(asked.packed)
                if asked.future.done():
                    continue
                if reply.__class__ is ReplyError:
                    self._owner.refused(self, asked, str(reply))
                else:
                    asked.future.set_result(reply)
        finally:
            self._bytes -= freed
        if self._reader.len() > REPLY_BYTES:
            raise ProtocolError(f"a reply of more than {REPLY_BYTES} bytes")

    def settle_oldest(self, *parts: Part) -> bool:
        """For commands that a push answers: settles the oldest call, if it is this one."""
        if not self._in_flight or self._in_flight[0].packed != pack(parts):
            return False
        asked = self._in_flight.popleft()
        self._bytes -= len(asked.packed)
        if not asked.future.done():
            asked.future.set_result(None)
        return True

    # life

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open for calls."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)  # or uvloop keeps what it is given until the turn's end
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer closed, the network failed, or `drop` cut it."""
        reason = f": {exc}" if exc is not None else ""
        self._end(Failure(Kind.LOST, f"the connection to Redis at {self.where} was lost{reason}"))

    def check(self, now: float) -> None:
        """A few times a second: drops the connection when a call got no answer in time, pings when nothing was heard."""
        if not self.is_open:
            return
        if any(asked.due <= now for asked in self._in_flight):
            seconds = self._bounds.answer_seconds
            self.drop(Failure(Kind.TIMEOUT, f"Redis at {self.where} did not answer within {seconds:g} s"))
        elif not self._in_flight and now - self._heard_at > IDLE_PING_AFTER:
            self.call(b"PING").cancel()  # nobody waits for it; it counts as in flight all the same

    def drop(self, failure: Failure) -> None:
        """Cuts the connection; all that is in flight goes back to the owner."""
        if self._transport is not None:
            self._transport.abort()
        self._end(failure)

    def _end(self, failure: Failure) -> None:
        if self._failure is not None:
            return
        self._failure = failure
        self.is_open = False
        asked = [*self._in_flight]
        written = len(asked) - len(self._out)
        self._in_flight.clear()
        self._out.clear()
        self._bytes = 0
        self._owner.lost(self, failure, asked[:written], asked[written:])
