"""Clients' connections: accepts within bounds, and gives every one that cannot be relayed the refusal its client can see."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic

import structlog

from gateway.addresses import limited_unit
from gateway.credentials import offered_without_token
from gateway.forward import Visitor
from gateway.gate import Gate
from gateway.io import wire
from gateway.io.admission import ClientGone
from gateway.io.attaching import Attacher
from gateway.io.attachments import Attachments
from gateway.io.dial import WorkerDeclined
from gateway.io.metrics import GatewayMetrics
from gateway.io.reception import NotWorthAnAnswer, Received, Reception
from gateway.io.seats import Seat
from gateway.io.wire import Stream
from gateway.policy import Handshakes
from gateway.refusals import Refusal, as_close, as_http
from moorage.errors import Code
from scheduler.store import Store

_LINGER = 2.0
DRAIN_RETRY = 1.0
_FULL_RETRY = 2.0

log = structlog.get_logger(__name__)


class Listener:
    """The door of one gateway."""

    def __init__(self, bounds: Handshakes, store: Store, reception: Reception, gate: Gate, attacher: Attacher) -> None:
        self._bounds = bounds
        self._store = store
        self._reception = reception
        self._gate = gate
        self._attacher = attacher
        self._tasks: dict[Stream, asyncio.Task[None]] = {}
        self._in_progress: dict[str, int] = {}
        self._door: wire.Listener | None = None
        self._seat: Seat | None = None
        self.is_draining = False  # for good
        self.is_cordoned = False  # by an operator, who may take it back

    def open(
        self,
        engine: wire.Wire,
        sock: socket.socket,
        attachments: Attachments,
        metrics: GatewayMetrics,
        seat: Seat | None = None,
    ) -> None:
        """Starts accepting on a listening socket; with a `seat`, beside other processes."""
        self._seat = seat
        self._attachments = attachments
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._door = engine.listen(sock, self._accept)
        if self._seat is not None:
            self._seat.take(self._door, sock, lambda: self.connections)

    @property
    def handshakes(self) -> int:
        """Connections that are not relayed yet, or are being refused."""
        return len(self._tasks)

    @property
    def connections(self) -> int:
        """All client connections."""
        return len(self._tasks) + self._attachments.open

    def leave(self) -> None:
        """Stops accepting; those who are in the door still come in."""
        if self._seat is not None:
            self._seat.leave()
        if self._door is not None:
            self._door.close()
            self._door = None

    async def close(self) -> None:
        """Stops accepting and drops what is not relayed yet."""
        self.leave()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()  # those that had not begun

    def _accept(self, stream: Stream) -> None:
        try:
            unit = self._seated(stream)
        except Refusal as refusal:
            self._turn_away(stream, refusal)
            return
        self._tasks[stream] = self._loop.create_task(self._serve(stream, unit))
        if self._seat is not None:
            self._seat.accepted()

    def _seated(self, stream: Stream) -> str:
        """The unit of address under which a handshake is counted; "" for proxies. Raises Refusal."""
        bounds = self._bounds
        if len(self._tasks) - self._attacher.waiting >= bounds.in_progress:
            raise Refusal(Code.NO_CAPACITY, "too many upgrades at once", retry_after=_FULL_RETRY)
        if self.connections >= bounds.connections:
            raise Refusal(Code.NO_CAPACITY, "this gateway has all the connections it may hold", retry_after=_FULL_RETRY)
        peer = stream.peer_host
        if self._gate.is_proxy(peer):
            return ""
        unit = limited_unit(peer)
        beside = self._in_progress.get(unit, 0)
        if beside >= bounds.in_progress_per_address:
            raise Refusal(
                Code.RATE_LIMIT_EXCEEDED, "too many upgrades of this address at once", retry_after=_FULL_RETRY
            )
        self._gate.knock(peer, self._store.now())
        self._in_progress[unit] = beside + 1
        return unit

    def _leave(self, stream: Stream, unit: str) -> None:
        del self._tasks[stream]
        if not unit:
            return
        beside = self._in_progress[unit] - 1
        if beside:
            self._in_progress[unit] = beside
        else:
            del self._in_progress[unit]

    def _turn_away(self, stream: Stream, refusal: Refusal) -> None:
        """Without reading a byte, and without TLS: what costs nothing here cannot be used against the others."""
        self._count_refusal(refusal)
        if not self._reception.is_tls:
            stream.send(as_http(refusal))
        stream.abort()

    async def _serve(self, stream: Stream, unit: str) -> None:
        started = monotonic()
        received: Received | None = None
        try:
            received = await self._reception.receive(stream)
            await self._attacher.attach(self._examined(received, stream), stream, self._store)
        except Refusal as refusal:
            await self._refuse(stream, received, refusal)
        except WorkerDeclined as declined:
            self._metrics.connects.count("declined")
            await _say(stream, declined.answer)
        except NotWorthAnAnswer as why:
            self._metrics.connects.count(str(why))
            stream.abort()
        except (ClientGone, ConnectionError):
            self._metrics.connects.count("gone")
            stream.abort()
        except asyncio.CancelledError:
            stream.abort()
            raise
        except Exception:
            log.exception("admission_failed")
            self._metrics.faults.inc()
            await self._refuse(stream, received, Refusal(Code.INTERNAL))
        else:
            self._metrics.connects.count("relayed")
            self._metrics.admit_seconds.observe(monotonic() - started)
        finally:  # not a done callback, which costs a turn of the loop
            self._leave(stream, unit)

    def _examined(self, received: Received, stream: Stream) -> Visitor:
        if self.is_draining or self.is_cordoned:
            raise Refusal(Code.DRAINING, "this gateway takes no new clients", retry_after=DRAIN_RETRY)
        now = self._store.now()
        is_proxied = self._gate.is_proxy(stream.peer_host)
        return self._gate.examine(received.upgrade, received.peer, now, is_proxied=is_proxied)

    async def _refuse(self, stream: Stream, received: Received | None, refusal: Refusal) -> None:
        self._count_refusal(refusal)
        log.info(
            "refused", code=refusal.code.value, status=refusal.status, detail=refusal.detail, peer=stream.peer_host
        )
        await _say(stream, _in_visible_form(received, refusal))

    def _count_refusal(self, refusal: Refusal) -> None:
        self._metrics.connects.count("refused")
        self._metrics.refusals.labels(refusal.code.value).inc()


def _in_visible_form(received: Received | None, refusal: Refusal) -> bytes:
    if received is None or not received.upgrade.sees_closes_only:
        return as_http(refusal)
    return as_close(refusal, received.upgrade.key, offered_without_token(received.upgrade))


async def _say(stream: Stream, answer: bytes) -> None:
    try:
        stream.send(answer)
        await stream.finish(_LINGER)
    except ConnectionError:
        stream.abort()
