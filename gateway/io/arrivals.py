"""Workers that dial out: asks one to come for an attach, and lets in who shows the ticket in time.

A port of its own, so that nobody on the clients' side can even try a ticket; the same wire, so that the relay is the same.
The order goes to wherever the worker's link ends, the connection comes here. Which tickets are good: gateway/tickets.py.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from time import monotonic

import structlog

from gateway.addresses import is_inside, limited_unit
from gateway.arrivals import parse_arrival
from gateway.io import wire
from gateway.io.deadlines import Deadlines
from gateway.io.heads import HeadTooLong, read_head
from gateway.io.metrics import GatewayMetrics
from gateway.io.sockets import listening_socket, reachable_host
from gateway.io.wire import Stream, TlsContext
from gateway.links import PRIVATE
from gateway.policy import GatewayPolicy
from gateway.refusals import Refusal, as_http
from gateway.seats import Seats
from gateway.tickets import Strikes, Tickets, TooManyTickets, Verdict
from moorage.deadlines import DIAL
from moorage.dialout import MAX_HEAD_BYTES, SWITCHING, Attach, Place, address_of
from moorage.errors import Code
from moorage.ids import WorkerId
from scheduler.store import Store, Unavailable
from scheduler.values import Claimed, Directive, Order

ASK_AGAIN = (
    1.2  # an order may be lost with the link or the gateway that carries it; the worker knows it when it comes twice
)
LINK_GONE = 0.2  # nobody carries it now: the worker links again within LINK_MOVE
LINGER = 1.0

_WHY = {
    Verdict.SPENT: "this ticket was shown before",
    Verdict.LATE: "this ticket came too late",
    Verdict.MISPLACED: "this ticket is for another attach; it is spent now",
    Verdict.WRONG: "no such ticket",
    Verdict.UNKNOWN: "no such ticket",
}

_STRIKES = {Verdict.WRONG.value, Verdict.UNKNOWN.value, "malformed"}  # by who knew no ticket of ours

Arrival = asyncio.Future["Stream | NotFetched"]

log = structlog.get_logger(__name__)


class NotFetched(Exception):
    """The worker did not come, or showed a bad ticket. `why` labels a metric."""

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(detail)
        self.why = why


class Arrivals:
    """The door of one gateway for workers that dial out. `address` and `port` are known after `open`."""

    def __init__(
        self,
        policy: GatewayPolicy,
        store: Store,
        metrics: GatewayMetrics,
        deadlines: Deadlines,
        tls: Callable[[], TlsContext | None],
    ) -> None:
        self.port = policy.dialout_port
        self.address = policy.dialout_address
        self._policy = policy
        self._store = store
        self._metrics = metrics
        self._deadlines = deadlines
        self._tls = tls
        self._allowed = policy.trust.worker_networks or PRIVATE
        self._tickets = Tickets(os.urandom)
        self._strikes = Strikes()
        self._seats = _seats(policy)
        self._awaited: dict[Attach, Arrival] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._door: wire.Listener | None = None
        metrics.tickets_waiting.set_function(lambda: len(self._tickets))

    def open(self, engine: wire.Wire) -> None:
        """Listens. Raises OSError naming the address when the port is taken."""
        policy = self._policy
        sock = listening_socket(policy.link_host, policy.dialout_port, clients_speak_first=True)
        self.port = sock.getsockname()[1]
        host = reachable_host(policy.link_host)
        self.address = policy.dialout_address or address_of(Place(host, self.port, policy.link_tls is not None))
        self._loop = asyncio.get_running_loop()
        self._door = engine.listen(sock, self._accept)

    async def close(self) -> None:
        """Stops accepting and drops who has not shown a ticket yet."""
        if self._door is not None:
            self._door.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def fetch(self, claimed: Claimed, seconds: float) -> Stream:
        """The worker's own connection, ready for the client's upgrade. The caller sets the deadline, the ticket's is `seconds`.

        Raises NotFetched, or Refusal where no worker could be asked. However it ends, the ticket is not good any more.
        """
        attach = Attach(claimed.worker, claimed.session, claimed.fence)
        started = monotonic()
        order = self._order(attach, started, seconds)
        arrival: Arrival = self._loop.create_future()
        self._awaited[attach] = arrival
        try:
            await self._ask(claimed.worker, order, arrival)
        except BaseException as error:
            _turn_back(arrival)
            if isinstance(error, Unavailable):
                raise Refusal(Code.STORE_UNAVAILABLE, retry_after=1.0) from error
            raise
        finally:
            del self._awaited[attach]
            self._tickets.withdraw(attach)
        came = arrival.result()
        if isinstance(came, NotFetched):
            raise came
        self._metrics.dialout_seconds.observe(monotonic() - started)
        return came

    def _order(self, attach: Attach, now: float, seconds: float) -> Directive:
        try:
            ticket = self._tickets.issue(attach, now, seconds)
        except TooManyTickets:
            raise Refusal(Code.NO_CAPACITY, "too many workers are being asked to come", retry_after=1.0) from None
        self._metrics.tickets_issued.inc()
        deadline = self._store.now() + seconds
        return Directive(Order.ATTACH, attach.session, attach.fence, deadline, gateway=self.address, ticket=ticket)

    async def _ask(self, worker: WorkerId, order: Directive, arrival: Arrival) -> None:
        """Until it came, or will not."""
        while not arrival.done():
            is_carried = await self._store.direct(worker, order)
            if not arrival.done():
                await asyncio.wait([arrival], timeout=ASK_AGAIN if is_carried else LINK_GONE)

    def _accept(self, stream: Stream) -> None:
        unit = limited_unit(stream.peer_host)
        why = self._shut_out(stream.peer_host, unit)
        if why:
            self._metrics.arrivals.count(why)
            stream.abort()  # without a byte: what costs nothing here cannot be used against the others
            return
        task = self._loop.create_task(self._serve(stream, unit))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _shut_out(self, peer: str, unit: str) -> str:
        """Why this address is not listened to now; with "" it has a seat."""
        if not is_inside(peer, self._allowed):
            log.info("arrival_refused", peer=peer, why="outside worker_networks")
            return "outside"
        if self._strikes.shut_out(unit, monotonic()):
            return "struck"
        return "" if self._seats.take(unit) else "full"

    async def _serve(self, stream: Stream, unit: str) -> None:
        try:
            result, refusal = await self._heard(stream)
            self._metrics.arrivals.count(result)
            if result in _STRIKES:
                self._strikes.add(unit, monotonic())
            if refusal is not None:
                log.info("arrival_refused", peer=stream.peer_host, why=result, detail=refusal.detail)
                await _say(stream, refusal)
        except asyncio.CancelledError:
            stream.abort()
            raise
        except Exception:
            log.exception("arrival_failed")
            self._metrics.faults.inc()
            stream.abort()
        finally:
            self._seats.leave(unit)

    async def _heard(self, stream: Stream) -> tuple[str, Refusal | None]:
        """What became of one connection, in the metric's words, and what to tell it before its end."""
        try:
            with self._deadlines.within(DIAL):
                context = self._tls()
                if context is not None:
                    await stream.start_tls(context)
                raw = await read_head(stream, MAX_HEAD_BYTES)
            verdict = self._judge(stream, *parse_arrival(raw))
        except (TimeoutError, ssl.SSLError, ConnectionError) as error:
            stream.abort()
            return _unheard(error), None
        except HeadTooLong:
            return "malformed", Refusal(Code.BAD_REQUEST, f"the head is over {MAX_HEAD_BYTES} bytes", status=431)
        except Refusal as refusal:
            return "malformed", refusal
        return verdict.value, Refusal(Code.INVALID_TICKET, _WHY[verdict]) if verdict in _WHY else None

    def _judge(self, stream: Stream, attach: Attach, ticket: str) -> Verdict:
        """Lets it in, or ends the attach that it spoiled."""
        verdict, concerned = self._tickets.show(attach, ticket, monotonic())
        arrival = None if concerned is None else self._awaited.get(concerned)
        if arrival is None or arrival.done():
            return Verdict.LATE if verdict is Verdict.ACCEPTED else verdict
        if verdict is not Verdict.ACCEPTED:
            arrival.set_result(NotFetched("ticket", _WHY[verdict]))
            return verdict
        stream.send(SWITCHING)
        arrival.set_result(stream)
        return verdict


def _turn_back(arrival: Arrival) -> None:
    """Whoever came just now came for nothing."""
    came = arrival.result() if arrival.done() else None
    if came is not None and not isinstance(came, NotFetched):
        came.abort()


def _seats(policy: GatewayPolicy) -> Seats:
    """A quarter of the clients' connections at most: descriptors are shared."""
    bounds = policy.handshakes
    most = min(bounds.in_progress, max(bounds.connections // 4, 16)) if bounds.connections else bounds.in_progress
    return Seats(most, min(bounds.in_progress_per_address, max(most // 2, 1)))


def _unheard(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "timeout"
        case ssl.SSLError():
            return "tls"
        case _:
            return "gone"


async def _say(stream: Stream, refusal: Refusal) -> None:
    try:
        stream.send(as_http(refusal))
        await stream.finish(LINGER)
    except ConnectionError:
        stream.abort()
