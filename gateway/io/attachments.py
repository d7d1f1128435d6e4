"""The sessions a gateway relays: from a confirmed claim to the report of its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from gateway.endings import RETRY_WORKER_LOST, Verdict, judge, ordered_farewell
from gateway.io.attachment import Attachment, say_ended, usage_of
from gateway.io.metrics import GatewayMetrics
from gateway.io.reports import Reports, Write
from gateway.relay import Cause, Ending, Farewell
from gateway.revocations import Revocations
from moorage.errors import Code
from moorage.ids import SessionId, WorkerId
from scheduler.store import Store, Unavailable
from scheduler.values import End, Outcome, Stale, Usage

_WORKER_CLOSE = {
    Code.SESSION_ENDED: 4410,
    Code.SESSION_EXPIRED: 4419,
    Code.SESSION_SUPERSEDED: 4409,
    Code.DRAINING: 1012,
}


class Attachments:
    """All of a gateway's attachments, by session."""

    def __init__(
        self, store: Store, reports: Reports, metrics: GatewayMetrics, revocations: Revocations | None = None
    ) -> None:
        self.revocations = revocations or Revocations()  # the gate's
        self.is_known: Callable[[], Awaitable[bool]] = _always  # whether the store knows this gateway
        self._store = store
        self.reports = reports
        self._metrics = metrics
        self._live: dict[SessionId, Attachment] = {}
        self._coming: dict[SessionId, Attachment] = {}  # the store is being told that they are held
        self._untold: dict[SessionId, Attachment] = {}  # ended, and the store has not taken the report
        self._carried = Usage()  # by relays that ended
        self._open = 0  # relays whose sockets are not closed yet, those that say farewell included

    def __iter__(self) -> Iterator[Attachment]:
        return iter(list(self._live.values()))

    def __len__(self) -> int:
        return len(self._live)

    @property
    def open(self) -> int:
        """Relays that still have sockets."""
        return self._open

    @contextmanager
    def expecting(self, attachment: Attachment) -> Iterator[None]:
        """While the store confirms it: its notices and its answers come over two connections, and what is said of an attach
        may be heard before the answer that begins it. It is carried out when its relay runs."""
        self._coming[attachment.session] = attachment
        try:
            yield
        finally:
            if self._coming.get(attachment.session) is attachment:
                del self._coming[attachment.session]

    def add(self, attachment: Attachment) -> None:
        """Called once its relay runs."""
        older = self._live.get(attachment.session)
        if older is not None and older.fence < attachment.fence:
            self.close(older, Code.SESSION_SUPERSEDED)
        self._live[attachment.session] = attachment
        self._open += 1
        if attachment.order is not None:  # before its relay ran
            code, attachment.order = attachment.order, None
            self.close(attachment, code, attachment.retry_after)
        self.end_if_revoked(attachment, self._store.now())  # it may have been while its worker was dialled

    def find(self, session: SessionId, fence: int) -> Attachment | None:
        """The attachment of a session, when its fence is not above the one given."""
        for attachment in (self._coming.get(session), self._live.get(session)):
            if attachment is not None and attachment.fence <= fence:
                return attachment
        return None

    def of_session(self, session: SessionId) -> Attachment | None:
        """The newest one of a session."""
        return self._coming.get(session) or self._live.get(session)

    def to_adopt(self) -> list[Attachment]:
        """One for each session: what is relayed or about to be, and what ended and is not in the store yet."""
        return list({**self._untold, **self._live, **self._coming}.values())

    def of_worker(self, worker: WorkerId) -> list[Attachment]:
        """Everything relayed to one worker, or about to be."""
        every = (*self._live.values(), *self._coming.values())
        return [attachment for attachment in every if attachment.worker == worker]

    def close(self, attachment: Attachment, code: Code, retry_after: float | None = None) -> None:
        """Ends a relay from this side: the client hears `code`, the worker something it understands."""
        is_coming = self._coming.get(attachment.session) is attachment
        if attachment.order is not None or (attachment.relay is None and not is_coming):
            return
        attachment.order, attachment.retry_after = code, retry_after
        if attachment.relay is None:
            return
        self._metrics.closes.count(code.value)
        close = ordered_farewell(code, retry_after)
        attachment.relay.close((close.code, close.reason), (_WORKER_CLOSE.get(code, 1001), b""))

    def end(self, attachment: Attachment, wish: End) -> None:
        """Closes it, and ends its session as wished, with what it carried to the last byte."""
        if attachment.order is None:
            attachment.wish = wish
        self.close(attachment, wish.code or Code.SESSION_ENDED)

    def end_if_revoked(self, attachment: Attachment, now: float) -> bool:
        """Whether it falls under a revocation; then it is closed, and its session ends with what it carried."""
        revoked = self.revocations.covering(attachment, now)
        if revoked is None:
            return False
        reason = revoked.reason or "REVOKED"
        fence = attachment.fence
        self.end(attachment, End(attachment.session, Outcome.COMPLETED, Code.SESSION_ENDED, reason, "api", fence))
        return True

    def let_go(self, attachment: Attachment, stale: Stale) -> None:
        """The store says that the session went on without this attach; with its own fence: its worker is lost."""
        if attachment not in (self._live.get(attachment.session), self._coming.get(attachment.session)):
            return  # it ended meanwhile, and only its report was not taken yet
        if stale.fence is None:
            self.close(attachment, Code.SESSION_ENDED)
        elif stale.fence > attachment.fence:
            self.close(attachment, Code.SESSION_SUPERSEDED)
        else:
            self.close(attachment, Code.WORKER_LOST, RETRY_WORKER_LOST)

    def ended(self, attachment: Attachment, ending: Ending) -> Farewell:
        """Reports the end to the store, and says what each side is told."""
        self._metrics.endings.labels(ending.cause.value, ending.by.value if ending.by else "").inc()
        self._forget(attachment)
        usage = attachment.carried = usage_of(ending.traffic)
        self._carried += usage
        say_ended(attachment, ending)
        if ending.cause is Cause.ORDERED:
            self._report_ordered(attachment, usage)
            return Farewell()
        verdict, farewell = judge(ending)
        if verdict.code is not None:
            self._metrics.closes.count(verdict.code.value)
        self._report(attachment, verdict, usage)
        return farewell

    def closed(self, attachment: Attachment) -> None:
        """Its descriptors are free again."""
        attachment.relay = None
        self._open -= 1

    def totals(self) -> Usage:
        """What all relays have carried, for the metrics."""
        total = self._carried
        for attachment in self._live.values():
            if attachment.relay is not None:
                total += usage_of(attachment.relay.traffic())
        return total

    def _forget(self, attachment: Attachment) -> None:
        if self._live.get(attachment.session) is attachment:
            del self._live[attachment.session]

    def _report(self, attachment: Attachment, verdict: Verdict, usage: Usage) -> None:
        if verdict.outcome is None:
            self._suspend(attachment, usage, is_worker_lost=verdict.is_worker_lost)
            return
        end = End(
            session=attachment.session,
            outcome=verdict.outcome,
            code=verdict.code,
            reason=verdict.reason,
            by=verdict.by,
            fence=attachment.fence,
            usage=usage,
        )
        self._tell(attachment, partial(self._store.end, end))

    def _report_ordered(self, attachment: Attachment, usage: Usage) -> None:
        """The session was changed before the order, save for a drain; a stale report only carries the usage."""
        if attachment.wish is not None:
            self._tell(attachment, partial(self._store.end, replace(attachment.wish, usage=usage)))
            return
        self._suspend(attachment, usage, is_worker_lost=attachment.order is Code.WORKER_LOST)

    def _suspend(self, attachment: Attachment, usage: Usage, *, is_worker_lost: bool) -> None:
        session, fence = attachment.session, attachment.fence
        self._tell(attachment, partial(self._store.suspend, session, fence, usage, is_worker_lost=is_worker_lost))

    def _tell(self, attachment: Attachment, write: Write) -> None:
        """Kept among what is to be adopted until the store has taken it."""

        def done() -> None:
            if self._untold.get(attachment.session) is attachment:
                del self._untold[attachment.session]

        self._untold[attachment.session] = attachment
        self.reports.put(_Told(self, attachment, write), done)


@dataclass(frozen=True, slots=True)
class _Told:
    """A report that the store must be able to place. Raises Unavailable also where it lost the session with its data: it is
    adopted first, and told of the end then."""

    attachments: Attachments
    attachment: Attachment
    func: Write

    async def __call__(self) -> None:
        answer = await self.func()
        is_unknown = isinstance(answer, Stale) and answer.fence is None
        is_ours = self.attachment.order in (None, Code.DRAINING)  # else the store had ended it before
        if is_unknown and is_ours and not await self.attachments.is_known():
            raise Unavailable("the store lost its data")


async def _always() -> bool:
    return True
