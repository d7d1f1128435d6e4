"""From a reserved slot to a worker that said 101: at most three candidates, all within one reservation."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM
from functools import partial
from time import monotonic
from typing import NamedTuple

import structlog

from gateway.addresses import is_inside
from gateway.answers import Declined, Garbage, Switched, parse_answer
from gateway.chunks import BadChunk
from gateway.forward import Visitor, request_for
from gateway.io.arrivals import Arrivals, NotFetched
from gateway.io.deadlines import Deadlines
from gateway.io.heads import HeadTooLong, read_body, read_head
from gateway.io.metrics import GatewayMetrics
from gateway.io.reports import Reports
from gateway.io.wire import Stream, Wire
from gateway.links import PRIVATE
from gateway.policy import Networks
from gateway.refusals import Refusal
from moorage import dialout
from moorage.deadlines import DIAL, DIAL_CANDIDATES
from moorage.errors import Code
from scheduler.store import Store, Unavailable
from scheduler.values import NO_USAGE, Claimed, EndRecord, Refused, Stale

_ANSWER_BYTES = 16 << 10
_BODY_BYTES = 64 << 10
_MOST_WORKERS = 100_000
_OUR_OWN_WANT = {
    EMFILE,
    ENFILE,
    ENOBUFS,
    ENOMEM,
    EADDRNOTAVAIL,
}  # says nothing of the worker: no complaint, no next one

log = structlog.get_logger(__name__)


class Reached(NamedTuple):
    """A worker that took the session."""

    stream: Stream
    head: bytes  # the 101 for the client
    claimed: Claimed


class NoOther(Refusal):
    """No worker answered a session that was here before, and no other has room for it now: it may wait for one."""

    def __init__(self, refused: Refused, claimed: Claimed) -> None:
        super().__init__(refused.code, refused.detail, retry_after=refused.retry_after)
        self.claimed = claimed


class WorkerDeclined(Exception):
    """The worker answered the upgrade with something else, which goes to the client."""

    def __init__(self, answer: bytes, claimed: Claimed) -> None:
        super().__init__("the worker declined the upgrade")
        self.answer = answer
        self.claimed = claimed


class _Unreachable(Exception):
    """This candidate failed; `is_suspicious` unless it said itself that it has no room."""

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(detail)
        self.why = why
        self.is_suspicious = why != "unavailable"


class Dialler:
    """Dials workers for one gateway."""

    def __init__(
        self,
        wire: Wire,
        store: Store,
        reports: Reports,
        metrics: GatewayMetrics,
        deadlines: Deadlines,
        arrivals: Arrivals,
        allowed: Networks,
    ) -> None:
        self._wire = wire
        self._arrivals = arrivals
        self._deadlines = deadlines
        self._known: dict[str, tuple[str, int]] = {}
        self._store = store
        self._reports = reports
        self._metrics = metrics
        self._allowed = allowed or PRIVATE

    async def reach(self, visitor: Visitor, claimed: Claimed) -> Reached:
        """Raises Refusal when no candidate answered (NoOther where waiting may help), or WorkerDeclined; the reservation is
        then given back."""
        try:
            for attempt in range(DIAL_CANDIDATES):
                if attempt:
                    claimed = await self._next(claimed)
                try:
                    return await self._try(visitor, claimed)
                except _Unreachable as failure:
                    self._note(failure, claimed)
            raise Refusal(Code.WORKER_LOST, f"{DIAL_CANDIDATES} workers did not answer", retry_after=1.0)
        except BaseException:
            self.release(claimed)
            raise

    def release(self, claimed: Claimed) -> None:
        """Gives the slot back: nothing is relayed."""
        self._reports.put(partial(self._give_back, claimed))

    async def _give_back(self, claimed: Claimed) -> None:
        answer = await self._store.release(claimed.session, claimed.fence)
        if isinstance(answer, Stale) and answer.fence == claimed.fence:  # confirmed; only the answer was lost
            await self._store.suspend(claimed.session, claimed.fence, NO_USAGE, is_worker_lost=False)

    async def refusal_of(self, stale: Stale) -> Refusal:
        """Why an attach lost its session meanwhile. One that the store does not hold need not be over: a newer claim of it
        may have been given up."""
        try:
            known = await self._store.session(stale.session) if stale.fence is None else None
        except Unavailable:
            return Refusal(Code.STORE_UNAVAILABLE, retry_after=1.0)
        if isinstance(known, EndRecord):
            return Refusal(Code.SESSION_ENDED, "the session ended while its worker was dialled")
        return Refusal(Code.SESSION_SUPERSEDED, "the session was claimed again while its worker was dialled")

    async def _try(self, visitor: Visitor, claimed: Claimed) -> Reached:
        started = monotonic()
        try:
            with self._deadlines.within(DIAL):
                return await self._upgraded(await self._connected(claimed), visitor, claimed)
        except TimeoutError as error:
            raise _Unreachable("timeout", f"no answer within {DIAL:.0f} s") from error
        finally:
            self._metrics.dial_seconds.observe(monotonic() - started)

    async def _connected(self, claimed: Claimed) -> Stream:
        """To the worker, or from it where it dials out itself."""
        if claimed.address == dialout.ADDRESS:
            try:
                return await self._arrivals.fetch(claimed, DIAL)
            except NotFetched as failure:
                raise _Unreachable(failure.why, str(failure)) from failure
        host, port = self._where(claimed.address)
        try:
            return await self._wire.connect(host, port)
        except (OSError, ValueError) as error:
            raise _unconnected(error) from error

    def _where(self, address: str) -> tuple[str, int]:
        """Host and port of a worker that may be dialled. Remembered: a fleet has few workers and many sessions."""
        known = self._known.get(address)
        if known is not None:
            return known
        host, _, port = address.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not is_inside(host, self._allowed):
            raise _Unreachable("connect", f"{host} is outside worker_networks")
        if not port.isdecimal():
            raise _Unreachable("connect", f"{address} names no port")
        if len(self._known) >= _MOST_WORKERS:
            self._known.clear()
        self._known[address] = host, int(port)
        return self._known[address]

    async def _upgraded(self, stream: Stream, visitor: Visitor, claimed: Claimed) -> Reached:
        taken = False
        try:
            stream.send(request_for(visitor, claimed))
            answer = parse_answer(await read_head(stream, _ANSWER_BYTES), visitor)
            match answer:
                case Switched(head=head):
                    taken = True
                    return Reached(stream, head, claimed)
                case Declined(status=503):
                    raise _Unreachable("unavailable", "the worker answered 503")
                case Declined():
                    raise WorkerDeclined(answer.with_body(await read_body(stream, answer, _BODY_BYTES)), claimed)
                case Garbage(detail=detail):
                    raise _Unreachable("garbage", detail)
        except (HeadTooLong, BadChunk, ConnectionError) as error:
            raise _Unreachable("garbage", f"no whole answer: {type(error).__name__}") from error
        finally:
            if not taken:
                stream.abort()

    async def _next(self, claimed: Claimed) -> Claimed:
        try:
            moved = await self._store.move(claimed.session, claimed.fence)
        except Unavailable as error:
            raise Refusal(Code.STORE_UNAVAILABLE, retry_after=1.0) from error
        match moved:
            case Claimed():
                return moved
            case Refused(code=Code.NO_CAPACITY) if claimed.is_resumed:
                raise NoOther(moved, claimed)
            case Refused():
                raise Refusal(moved.code, moved.detail, retry_after=moved.retry_after)
            case Stale():
                raise await self.refusal_of(moved)

    def _note(self, failure: _Unreachable, claimed: Claimed) -> None:
        self._metrics.dial_failures.labels(failure.why).inc()
        log.warning(
            "worker_unreachable", worker=claimed.worker, session=claimed.session, why=failure.why, detail=str(failure)
        )
        if failure.is_suspicious:
            self._reports.put(partial(self._store.suspect, claimed.worker, claimed.session))


def _unconnected(error: OSError | ValueError) -> Refusal | _Unreachable:
    if getattr(error, "errno", None) in _OUR_OWN_WANT:
        return Refusal(Code.NO_CAPACITY, "this gateway has no socket left", retry_after=1.0)
    return _Unreachable("connect", str(error))
