"""The established relay on two links: the same states and endings as `gateway/io/compiled/relaying.pxi`.

`decide` makes the end certain, the owner is asked on the loop's next turn, `_part` says the farewells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.frames import Meter, Walk, close_frame, ping_frame
from gateway.io.pure.ends import RUNNING, End, State, Terms
from gateway.io.pure.link import Link
from gateway.relay import Cause, Close, Ending, Farewell, Side, Traffic


class Relay:
    """See gateway.io.wire.Relay."""

    def __init__(self, client: tuple[Link, bytes], worker: tuple[Link, bytes], terms: Terms) -> None:
        self._loop = terms.loop
        self._limits = terms.limits
        self._terms = terms
        self._meter = Meter(terms.limits.session_bytes)
        self._state = State.NEW
        now = self._loop.time()
        self._client = self._end(Side.CLIENT, client, now)
        self._worker = self._end(Side.WORKER, worker, now)
        self._ends = (self._client, self._worker)
        self._first_closer: End | None = None
        self._closing_at = self._decided_at = self._pinged_at = 0.0
        self._data_at = now
        self._pings = 0
        self._unacknowledged = 0  # bytes in the kernel for the client when it was pinged
        self._wants_ping = False
        self._cause = Cause.CLOSED
        self._ordered: Farewell | None = None
        self._probes: list[tuple[Callable[[bool], None], asyncio.TimerHandle]] = []
        self._loop.call_soon(self._begin)

    def close(self, client: tuple[int, bytes] | None, worker: tuple[int, bytes] | None) -> None:
        if self._state not in RUNNING:
            return
        self._ordered = Farewell(Close(*client) if client else None, Close(*worker) if worker else None)
        self._decide(Cause.ORDERED, None)

    def abort(self) -> None:
        if self._state in RUNNING:
            self._ordered = Farewell()
        self._decide(Cause.ORDERED, None)
        for end in self._ends:
            self._close(end, is_reset=True)

    def probe(self, within_seconds: float, answer: Callable[[bool], None]) -> None:
        if self._state not in RUNNING:
            self._loop.call_soon(answer, False)
            return
        timer = self._loop.call_later(within_seconds, self._give_up, answer)
        self._probes.append((answer, timer))
        self._want_ping()

    def traffic(self) -> Traffic:
        client, worker = self._client.walk, self._worker.walk
        return Traffic(client.bytes_passed, worker.bytes_passed, client.messages, worker.messages)

    def set_session_bytes(self, limit_bytes: int) -> None:
        self._meter.limit_bytes = limit_bytes

    def came(self, end: End, data: bytes) -> None:
        """Bytes of one side."""
        if self._state in (State.NEW, State.DECIDED):
            end.early += data
            end.link.pause()
            return
        now = end.heard_at = self._loop.time()
        if self._probes and end is self._client:
            self._answer_probes(True)
        to = self._other(end)
        if self._state is State.PARTING and not to.tail:
            return
        messages, was_closed = end.walk.messages, end.walk.closed
        passed = end.walk.feed(data, now)
        if end.walk.messages != messages:
            self._data_at = now
        self._pass_on(end, to, passed)
        if self._state not in RUNNING:
            return
        if end.walk.fault is not None:
            self._decide(end.walk.fault, None if end.walk.fault is Cause.BYTES else end)
        elif end.walk.closed and not was_closed:
            self._saw_close(end, to)

    def came_to_end(self, end: End, *, is_reset: bool) -> None:
        """One side sent its FIN or was reset."""
        if self._state in RUNNING:
            self._decide(Cause.EOF, end)
        elif self._state is State.PARTING:
            to = self._other(end)
            to.tail = b""  # the boundary will never come
            self._finish_if_written(to)
            self._finish_if_written(end)
        if is_reset:
            self._close(end, is_reset=False)

    def took(self, end: End) -> None:
        """One side has taken everything that was held for it."""
        end.taken_at = self._loop.time()
        end.link.is_holding = False
        source = self._other(end)
        if source.is_paused:
            source.is_paused = False
            source.link.resume()
        self._finish_if_written(end)

    def lost(self, end: End) -> None:
        """One side's descriptor is closed."""
        end.gone = True
        if self._state is State.PARTING:
            self._bid_goodbye()

    def check(self, now: float) -> None:
        """What time does: called a few times a second."""
        for end in self._ends:
            self._notice_taking(end, now)
        if self._state is State.PARTING:
            for end in self._ends:
                self._check_parting(end, now)
        elif self._state in RUNNING:
            self._check_running(now)

    def _end(self, side: Side, given: tuple[Link, bytes], now: float) -> End:
        link, early = given
        end = End(side, link, Walk(side, self._limits, self._terms.tag, self._meter), self, now, now, early=early)
        link.receiver = end
        return end

    def _begin(self) -> None:
        if self._state is State.NEW:
            self._state = State.OPEN
        for end in self._ends:
            if self._state is not State.DECIDED:
                self._replay(end)
            if not end.is_paused:
                end.link.resume()

    def _replay(self, end: End) -> None:
        """What came while nobody could look at it."""
        early, end.early = end.early, b""
        if early:
            self.came(end, early)
        if end.link.has_ended:
            self.came_to_end(end, is_reset=end.link.error is not None)

    def _other(self, end: End) -> End:
        return self._worker if end is self._client else self._client

    def _put(self, end: End, data: bytes) -> None:
        if end.gone or not data:
            return
        link = end.link
        was_held = link.is_holding
        link.write(data)
        held = link.held_bytes
        if not held:
            return
        link.is_holding = True
        if not was_held:
            end.taken_at = self._loop.time()
        end.link.is_holding = False
        source = self._other(end)
        if held >= self._limits.buffer_bytes and not source.is_paused:
            source.is_paused = True
            source.link.pause()

    def _pass_on(self, end: End, to: End, passed: bytes) -> None:
        cut = end.walk.boundary
        if cut < 0 or not (to.tail or (self._wants_ping and to is self._client)):
            self._put(to, passed)
            return
        self._put(to, passed[:cut])
        if to.tail:
            self._put(to, to.tail)
            to.tail = b""
            self._finish_if_written(to)
            return
        self._put_ping()
        self._put(to, passed[cut:])

    def _want_ping(self) -> None:
        if self._worker.walk.closed:
            return
        if self._worker.walk.at_boundary:
            self._put_ping()
        else:
            self._wants_ping = True

    def _put_ping(self) -> None:
        self._wants_ping = False
        self._pings += 1
        self._pinged_at = self._loop.time()
        self._put(self._client, ping_frame(self._terms.tag, self._pings))
        self._unacknowledged = self._client.link.unacknowledged_bytes

    def _saw_close(self, end: End, to: End) -> None:
        if self._first_closer is None:
            self._first_closer = end
            self._state = State.CLOSING
            self._closing_at = self._loop.time()
        if to.walk.closed:
            self._decide(Cause.CLOSED, self._first_closer)

    def _decide(self, cause: Cause, by: End | None) -> None:
        if self._state not in RUNNING:
            return
        if self._first_closer is not None and cause is not Cause.ORDERED:
            cause, by = Cause.CLOSED, self._first_closer
        self._state = State.DECIDED
        self._wants_ping = False
        self._cause = cause
        self._loop.call_soon(self._tell_owner, by)

    def _tell_owner(self, by: End | None) -> None:
        first = self._first_closer
        ending = Ending(
            cause=self._cause,
            by=by.side if by is not None else None,
            close_code=first.walk.close_code if first is not None else None,
            close_seen=first is not None,
            client_at_boundary=self._worker.walk.at_boundary,
            traffic=self.traffic(),
        )
        farewell = Farewell()
        try:
            farewell = self._terms.owner.relay_ended(ending)
        finally:
            self._answer_probes(False)
            self._part(farewell if self._ordered is None else self._ordered)

    def _part(self, farewell: Farewell) -> None:
        self._state = State.PARTING
        self._decided_at = self._loop.time()
        self._say(self._client, farewell.client, b"")
        self._say(self._worker, farewell.worker, self._terms.draw_mask())
        for end in self._ends:
            if end.early and not end.gone:
                self._replay(end)
            self._finish_if_written(end)
            if not (self._other(end).tail and self._other(end).link.held_bytes):
                end.is_paused = False
                end.link.resume()
        self._bid_goodbye()

    def _say(self, end: End, close: Close | None, mask: bytes) -> None:
        source = self._other(end)
        end.finishing = True
        if close is None or end.gone or source.walk.close_seen:
            return
        frame = close_frame(close.code, close.reason, mask)
        is_silent = self._cause is Cause.SILENT and source is self._client
        if source.walk.at_boundary:
            self._put(end, frame)
        elif not source.gone and not source.link.has_ended and not is_silent:
            end.tail = frame

    def _finish_if_written(self, end: End) -> None:
        if end.gone or not end.finishing or end.tail or end.link.held_bytes:
            return
        if not end.link.is_shut:
            end.link.half_close()
            end.shut_at = self._loop.time()
        if end.link.has_ended and not end.link.held_bytes:
            self._close(end, is_reset=False)

    def _close(self, end: End, *, is_reset: bool) -> None:
        if end.link.is_closed:
            end.gone = True
        elif is_reset or end.link.held_bytes:
            end.link.transport.abort()
        else:
            end.link.transport.close()

    def _bid_goodbye(self) -> None:
        if self._state is State.PARTING and self._client.gone and self._worker.gone:
            self._state = State.OVER
            self._terms.over(self)
            self._terms.owner.relay_closed(self.traffic())

    def _answer_probes(self, alive: bool) -> None:
        probes, self._probes = self._probes, []
        for answer, timer in probes:
            timer.cancel()
            self._loop.call_soon(answer, alive)

    def _give_up(self, answer: Callable[[bool], None]) -> None:
        self._probes = [probe for probe in self._probes if probe[0] is not answer]
        answer(False)

    def _notice_taking(self, end: End, now: float) -> None:
        taken = end.link.put_bytes - end.link.held_bytes
        if taken > end.put_seen:
            end.put_seen = taken
            end.taken_at = now

    def _check_running(self, now: float) -> None:
        limits, client = self._limits, self._client
        held = client.link.held_bytes
        if self._state is State.CLOSING and now >= self._closing_at + limits.linger_seconds:
            self._decide(Cause.CLOSED, self._first_closer)
        elif limits.slow_client_seconds and held and now >= client.taken_at + limits.slow_client_seconds:
            self._decide(Cause.SLOW, client)
        elif limits.idle_seconds and now >= self._data_at + limits.idle_seconds:
            self._decide(Cause.IDLE, None)
        elif self._pinged_at and client.heard_at >= self._pinged_at:
            self._pinged_at = 0.0
        elif self._pinged_at:
            if now >= self._pinged_at + limits.pong_within_seconds and not client.is_paused and not held:
                self._give_up_silent(now)
        elif limits.ping_every_seconds and now >= client.heard_at + limits.ping_every_seconds and not client.is_paused:
            self._want_ping()

    def _give_up_silent(self, now: float) -> None:
        """A client that still drains what the kernel holds for it has not seen the ping yet: it gets more time."""
        left = self._client.link.unacknowledged_bytes
        if left == 0 or left >= self._unacknowledged:
            self._decide(Cause.SILENT, self._client)
            return
        self._unacknowledged, self._pinged_at = left, now

    def _check_parting(self, end: End, now: float) -> None:
        limits = self._limits
        if end.gone:
            return
        patience = limits.linger_seconds
        if self._cause not in (Cause.SLOW, Cause.SILENT):
            patience = max(patience, limits.slow_client_seconds)
        if end.link.is_shut:
            if now >= end.shut_at + limits.linger_seconds:
                self._close(end, is_reset=True)
        elif end.tail and now >= self._decided_at + limits.linger_seconds:
            end.tail = b""
            self._finish_if_written(end)
        elif end.link.held_bytes and now >= self._decided_at + patience:
            self._close(end, is_reset=True)
