"""The established relay on two links: the same states and endings as `gateway/io/compiled/relaying.pxi`.

`decide` makes the end certain, the owner is asked on the loop's next turn, `parting` says the farewells. What most
bytes take is the short way in `End.data_received`; what is here runs when anything at all is unusual.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.frames import Walk, ping_frame
from gateway.io.pure import parting
from gateway.io.pure.ends import RUNNING, End, State, Terms
from gateway.io.pure.link import Link
from gateway.metering import Meter
from gateway.relay import Cause, Close, Ending, Farewell, Side, Traffic


class Relay:
    """See gateway.io.wire.Relay. Attributes without an underscore are for this folder."""

    def __init__(self, client: tuple[Link, bytes], worker: tuple[Link, bytes], terms: Terms) -> None:
        self.now = terms.loop.time
        self.terms = terms
        self.limits = terms.limits
        self.state = State.NEW
        self.cause = Cause.CLOSED
        self.first_closer: End | None = None
        self.closing_at = self.decided_at = self.pinged_at = 0.0
        self.data_at = self.now()
        self.messages_seen = 0  # of both sides, when `data_at` was set
        self.unacknowledged = 0  # bytes in the kernel for the client when it was pinged
        self._meter = Meter(terms.limits.session_bytes)
        self._pings = 0
        self._wants_ping = False
        self._ordered: Farewell | None = None
        self._probes: list[tuple[Callable[[bool], None], asyncio.TimerHandle]] = []
        self.client = End(Side.CLIENT, client, self._walk(Side.CLIENT), self)
        self.worker = End(Side.WORKER, worker, self._walk(Side.WORKER), self)
        self.ends = (self.client, self.worker)
        self.client.join(self.worker)
        self.worker.join(self.client)
        terms.loop.call_soon(self._begin)

    def close(self, client: tuple[int, bytes] | None, worker: tuple[int, bytes] | None) -> None:
        if self.state not in RUNNING:
            return
        self._ordered = Farewell(Close(*client) if client else None, Close(*worker) if worker else None)
        self.decide(Cause.ORDERED, None)

    def abort(self) -> None:
        if self.state in RUNNING:
            self._ordered = Farewell()
        self.decide(Cause.ORDERED, None)
        for end in self.ends:
            parting.close(end, is_reset=True)

    def probe(self, within_seconds: float, answer: Callable[[bool], None]) -> None:
        if self.state not in RUNNING:
            self.terms.loop.call_soon(answer, False)
            return
        timer = self.terms.loop.call_later(within_seconds, self._give_up, answer)
        self._probes.append((answer, timer))
        self.want_ping()

    def traffic(self) -> Traffic:
        client, worker = self.client.walk, self.worker.walk
        return Traffic(client.bytes_passed, worker.bytes_passed, client.messages, worker.messages)

    def set_session_bytes(self, limit_bytes: int) -> None:
        self._meter.limit_bytes = limit_bytes

    def retune(self) -> None:
        """Opens or shuts the short way of both sides. To be called whenever something it depends on has changed."""
        is_open = self.state is State.OPEN
        for end in self.ends:
            to = end.other
            end.flows = is_open and not (to.is_holding or to.gone or to.link.is_closed)
        if self._wants_ping:
            self.worker.flows = False
        if self._probes:
            self.client.flows = False

    def came(self, end: End, data: bytes) -> None:
        """Bytes of one side for which the short way is shut."""
        if self.state in (State.NEW, State.DECIDED):
            end.early += data
            end.link.pause()
            return
        now = end.heard_at = self.now()
        if self._probes and end is self.client:
            self.answer_probes(True)
        if self.state is State.PARTING and not end.other.tail:
            return
        self._pass_on(end, end.walk.feed(data, now))
        self.look(end)

    def look(self, end: End) -> None:
        """Whether what this side sent last ends the relay."""
        if self.state not in RUNNING or end.walk.is_clear:
            return
        if end.walk.fault is not None:
            self.decide(end.walk.fault, None if end.walk.fault is Cause.BYTES else end)
        elif end.walk.closed:
            self._saw_close(end)

    def came_to_end(self, end: End, *, is_reset: bool) -> None:
        """One side sent its FIN or was reset."""
        if self.state in RUNNING:
            self.decide(Cause.EOF, end)
        elif self.state is State.PARTING:
            end.other.tail = b""  # the boundary will never come
            parting.finish_if_written(self, end.other)
            parting.finish_if_written(self, end)
        if is_reset:
            parting.close(end, is_reset=False)

    def filled(self, end: End) -> None:
        """One side has not taken all at once."""
        end.is_holding = True
        end.put_seen = 0
        end.taken_at = self.now()
        end.other.flows = False
        self._hold_back(end)

    def took(self, end: End) -> None:
        """One side has taken everything that was held for it."""
        end.is_holding = False
        end.taken_at = self.now()
        self.retune()
        if end.other.is_paused:
            self.read_again(end.other)
        parting.finish_if_written(self, end)

    def read_again(self, end: End) -> None:
        """A side that was not read, or may not have been."""
        end.is_paused = False
        end.hung_at = 0.0
        end.link.resume()

    def lost(self, end: End) -> None:
        """One side's descriptor is closed."""
        end.gone = True
        self.retune()
        if self.state is State.PARTING:
            parting.bid_goodbye(self)

    def put(self, end: End, data: bytes) -> None:
        """Writes to one side; what it does not take is held, and beyond `buffer_bytes` the other is no longer read."""
        if end.gone or not data:
            return
        end.link.write(data)
        if end.is_holding:
            self._hold_back(end)

    def want_ping(self) -> None:
        """A ping to the client at the next boundary of what it gets."""
        if self.worker.walk.closed:
            return
        if self.worker.walk.at_boundary:
            self._put_ping()
        else:
            self._wants_ping = True
        self.retune()

    def decide(self, cause: Cause, by: End | None) -> None:
        """The end is certain; the owner hears of it on the loop's next turn."""
        if self.state not in RUNNING:
            return
        if self.first_closer is not None and cause is not Cause.ORDERED:
            cause, by = Cause.CLOSED, self.first_closer
        self.state = State.DECIDED
        self._wants_ping = False
        self.cause = cause
        self.retune()
        self.terms.loop.call_soon(self._tell_owner, by)

    def replay(self, end: End) -> None:
        """What came while nobody could look at it."""
        early, end.early = end.early, b""
        if early:
            self.came(end, early)
        if end.link.has_ended:
            self.came_to_end(end, is_reset=end.link.error is not None)

    def answer_probes(self, alive: bool) -> None:
        """All who wait for a sign of the client's life."""
        probes, self._probes = self._probes, []
        for answer, timer in probes:
            timer.cancel()
            self.terms.loop.call_soon(answer, alive)
        self.retune()

    def _walk(self, side: Side) -> Walk:
        return Walk(side, self.limits, self.terms.tag, self._meter)

    def _begin(self) -> None:
        if self.state is State.NEW:
            self.state = State.OPEN
        for end in self.ends:
            if self.state is not State.DECIDED:
                self.replay(end)
            if not end.is_paused:
                end.link.resume()
        self.retune()

    def _hold_back(self, end: End) -> None:
        source = end.other
        if not source.is_paused and end.link.held_bytes >= self.limits.buffer_bytes:
            source.is_paused = True
            source.link.pause()

    def _pass_on(self, end: End, passed: bytes) -> None:
        """Forwards what the walk let through; a ping, or a farewell that waits, goes in at its last boundary."""
        to = end.other
        cut = end.walk.boundary
        if cut < 0 or not (to.tail or (self._wants_ping and to is self.client)):
            self.put(to, passed)
            return
        self.put(to, passed[:cut])
        if to.tail:
            self.put(to, to.tail)
            to.tail = b""
            parting.finish_if_written(self, to)
            return
        self._put_ping()
        self.put(to, passed[cut:])
        self.retune()

    def _put_ping(self) -> None:
        self._wants_ping = False
        self._pings += 1
        self.pinged_at = self.now()
        self.put(self.client, ping_frame(self.terms.tag, self._pings))
        self.unacknowledged = self.client.link.unacknowledged_bytes

    def _saw_close(self, end: End) -> None:
        if self.first_closer is None:
            self.first_closer = end
            self.state = State.CLOSING
            self.closing_at = self.now()
            self.retune()
        if end.other.walk.closed:
            self.decide(Cause.CLOSED, self.first_closer)

    def _tell_owner(self, by: End | None) -> None:
        first = self.first_closer
        ending = Ending(
            cause=self.cause,
            by=by.side if by is not None else None,
            close_code=first.walk.close_code if first is not None else None,
            close_seen=first is not None,
            client_at_boundary=self.worker.walk.at_boundary,
            traffic=self.traffic(),
        )
        farewell = Farewell()
        try:
            farewell = self.terms.owner.relay_ended(ending)
        finally:
            self.answer_probes(False)
            parting.part(self, farewell if self._ordered is None else self._ordered)

    def _give_up(self, answer: Callable[[bool], None]) -> None:
        self._probes = [probe for probe in self._probes if probe[0] is not answer]
        self.retune()
        answer(False)
