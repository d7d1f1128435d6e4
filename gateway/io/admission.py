"""From an accepted token to a reserved slot: the claim, and the wait for one when there is no room."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from time import monotonic

from gateway.forward import Visitor
from gateway.io.metrics import GatewayMetrics
from gateway.io.reports import Reports
from gateway.io.wire import Stream
from gateway.policy import GatewayPolicy
from gateway.refusals import Refusal
from moorage.errors import Code
from moorage.ids import GatewayId, RequestId
from moorage.tokenclaims import NO_LIMITS
from moorage.tokens import TokenLimits
from scheduler.store import Store, Unavailable
from scheduler.values import (
    Claimed,
    ClaimRequest,
    Concurrency,
    Contested,
    Duplicates,
    Granted,
    Probed,
    Queued,
    QueueRefused,
    Refused,
    Wanted,
)

_MARGIN = 2.0  # the store refuses a waiter at its deadline; the gateway gives up by itself so much later
_PROBE_SECONDS = 3.0  # the holder's gateway has 1 s for the ping, the store 2 s for the gateway

_MOST_UNDONE = 1000  # of a long outage; what is reserved for others lapses with RESERVATION, a wait with its deadline

_ASK_AT_ONCE = 64
_ANY_WORKER = Wanted()
_UNLIMITED = Concurrency()

Answer = Granted | QueueRefused | Probed


class ClientGone(ConnectionError):
    """The client went away while it waited."""


class Admission:
    """Claims for one gateway's clients."""

    def __init__(
        self, gateway: GatewayId, policy: GatewayPolicy, store: Store, reports: Reports, metrics: GatewayMetrics
    ) -> None:
        self._gateway = gateway
        self._policy = policy
        self._store = store
        self._reports = reports
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._numbers = count(1)
        self._waiting: dict[RequestId, asyncio.Future[Answer]] = {}
        self._asked: dict[RequestId, ClaimRequest] = {}  # those of them that the store has yet to answer
        self._undoing = 0
        self.waiting = 0  # clients that wait for the store's answer, mostly in the queue

    def answer(self, notice: Answer) -> None:
        """The store's word for a waiting request. One that nobody waits for any more has given its slot back already."""
        future = self._waiting.get(notice.request)
        if future is not None and not future.done():
            future.set_result(notice)

    async def ask_again(self) -> None:
        """After an outage: answers may be lost, and the queue itself. A claim that is repeated is answered the same."""
        requests = list(self._asked.values())
        for start in range(0, len(requests), _ASK_AT_ONCE):
            await asyncio.gather(*map(self._ask_again, requests[start : start + _ASK_AT_ONCE]))

    async def _ask_again(self, request: ClaimRequest) -> None:
        answer = await self._store.claim(request)
        if request.request not in self._asked:  # it went meanwhile: what it was just given is given back
            self._reports.put(partial(self._store.leave_queue, request.request))
        elif isinstance(answer, Claimed):
            self.answer(Granted(request.request, answer))
        elif isinstance(answer, Refused):
            self.answer(QueueRefused(request.request, answer))

    def refuse_waiting(self, code: Code, retry_after: float) -> None:
        """Everybody in the queue goes elsewhere."""
        for request in list(self._waiting):
            self._reports.put(partial(self._store.leave_queue, request))
            self.answer(QueueRefused(request, Refused(code, "this gateway is going away", retry_after)))

    async def claim(self, visitor: Visitor, stream: Stream, duplicates: Duplicates | None = None) -> Claimed:
        """A reserved slot; `duplicates` are the policy's unless given. Raises Refusal, or ClientGone."""
        if self._reports.is_full:
            raise Refusal(Code.STORE_UNAVAILABLE, "the store has yet to hear of those who left", retry_after=1.0)
        return await self._claim(self._request(visitor, duplicates or self._policy.duplicates), visitor, stream)

    async def seek_on(self, visitor: Visitor, stream: Stream, unreached: Claimed, waited: float) -> Claimed:
        """Another slot for a session whose worker did not answer, or the same one later; `waited` seconds of its wait are over.
        Raises as `claim` does."""
        wait_seconds = self._policy.wait_seconds
        if 0 < wait_seconds <= waited:
            raise _timed_out(wait_seconds)
        request = self._request(visitor, self._policy.duplicates)
        left = request._replace(wait_seconds=max(wait_seconds - waited, 0.0), unreached=unreached.fence)
        return await self._claim(left, visitor, stream)

    async def _claim(self, request: ClaimRequest, visitor: Visitor, stream: Stream) -> Claimed:
        self._waiting[request.request] = self._loop.create_future()
        started = monotonic()
        try:
            answer = await self._store.claim(request)
            self._metrics.claim_seconds.observe(monotonic() - started)
            if isinstance(answer, Claimed):
                return answer
            return await self._later(answer, request, stream, visitor)
        except Unavailable as error:
            self._undo(request)
            raise Refusal(Code.STORE_UNAVAILABLE, retry_after=1.0) from error
        finally:
            del self._waiting[request.request]

    def _undo(self, request: ClaimRequest) -> None:
        """A claim whose answer never came may have been done, or be done yet, by a store that was only slow."""
        if self._undoing >= _MOST_UNDONE:
            return
        self._undoing += 1
        self._reports.put(partial(self._store.leave_queue, request.request, request.session), self._undone)

    def _undone(self) -> None:
        self._undoing -= 1

    async def _later(
        self, answer: Queued | Contested | Refused, request: ClaimRequest, stream: Stream, visitor: Visitor
    ) -> Claimed:
        match answer:
            case Queued():
                return await self._granted(request, answer, stream)
            case Contested():
                return await self._contested(request, stream, visitor)
            case Refused():
                raise Refusal(answer.code, answer.detail, retry_after=answer.retry_after)

    async def _granted(self, request: ClaimRequest, queued: Queued, stream: Stream) -> Claimed:
        started = monotonic()
        try:
            answer = await self._answer_of(request, stream, queued.deadline - self._store.now() + _MARGIN)
        except BaseException:
            self._reports.put(partial(self._store.leave_queue, request.request))
            raise
        finally:
            self._metrics.queue_seconds.observe(monotonic() - started)
        match answer:
            case Granted(claimed=claimed):
                return claimed
            case QueueRefused(refused=refused):
                raise Refusal(refused.code, refused.detail, retry_after=refused.retry_after)
            case _:
                self._reports.put(partial(self._store.leave_queue, request.request))
                raise _timed_out(request.wait_seconds)

    async def _contested(self, request: ClaimRequest, stream: Stream, visitor: Visitor) -> Claimed:
        """`reject`: the older connection stays if its client answers a ping, else this one takes its place."""
        answer = await self._answer_of(request, stream, _PROBE_SECONDS)
        if isinstance(answer, Probed) and answer.is_alive:
            raise Refusal(
                Code.SESSION_SUPERSEDED, "the session has a live connection, and this gateway keeps the older one"
            )
        if isinstance(answer, Granted):
            return answer.claimed
        if isinstance(answer, QueueRefused):
            raise Refusal(answer.refused.code, answer.refused.detail, retry_after=answer.refused.retry_after)
        return await self.claim(visitor, stream, Duplicates.REPLACE)

    async def _answer_of(self, request: ClaimRequest, stream: Stream, seconds: float) -> Answer | None:
        """The store's answer; None when it never came. Raises ClientGone."""
        gone: asyncio.Future[None] = asyncio.ensure_future(stream.wait_gone())
        future = self._waiting[request.request]
        either: list[asyncio.Future[None] | asyncio.Future[Answer]] = [gone, future]
        self.waiting += 1
        self._asked[request.request] = request
        try:
            await asyncio.wait(either, timeout=max(seconds, 0), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.waiting -= 1
            del self._asked[request.request]
            gone.cancel()
        if future.done():
            return future.result()
        if gone.done():
            raise ClientGone("the client left the queue")
        return None

    def _request(self, visitor: Visitor, duplicates: Duplicates) -> ClaimRequest:
        token, policy = visitor.token, self._policy
        is_choosy = token.regions or token.pools or token.labels
        return ClaimRequest(
            RequestId(f"{self._gateway}.{next(self._numbers)}"),
            token.session,
            token.workspace,
            token.user,
            token.key,
            self._gateway,
            Wanted(token.regions, token.pools, frozenset(token.labels)) if is_choosy else _ANY_WORKER,
            token.session_expires_at,
            policy.resume_seconds,
            policy.wait_seconds,
            _UNLIMITED if token.limits is NO_LIMITS else _concurrency(token.limits),
            duplicates,
            token.issued_at,
        )


def _timed_out(seconds: float) -> Refusal:
    return Refusal(Code.ADMISSION_TIMEOUT, f"waited {seconds:.0f} s for a slot", retry_after=1.0)


def _concurrency(limits: TokenLimits) -> Concurrency:
    return Concurrency(limits.sessions_per_user, limits.sessions_per_key, limits.sessions_per_workspace)
