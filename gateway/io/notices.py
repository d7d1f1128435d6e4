"""What the store tells a gateway, carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import assert_never

import structlog

from gateway.endings import RETRY_WORKER_LOST
from gateway.io.admission import Admission
from gateway.io.attachments import Attachments
from gateway.io.reports import Reports
from gateway.io.revoking import close_revoked
from moorage.errors import Code
from moorage.ids import GatewayId, RequestId, SessionId, WorkerId
from scheduler.store import Store
from scheduler.values import (
    CloseSession,
    Direct,
    Directive,
    End,
    EndSession,
    Extended,
    GatewayCordoned,
    Granted,
    Notice,
    Probed,
    ProbeSession,
    QueueRefused,
    Revoked,
    WorkerLost,
)

_PROBE_SECONDS = 1.0

Deliver = Callable[[WorkerId, Directive], Awaitable[None]]
Cordon = Callable[[bool], None]
"""Takes no new clients, or takes them again."""

log = structlog.get_logger(__name__)


class Notices:
    """What each of one gateway's notices does. The watch itself is gateway.io.standing's."""

    def __init__(
        self,
        gateway: GatewayId,
        store: Store,
        admission: Admission,
        attachments: Attachments,
        cordon: Cordon,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._admission = admission
        self._attachments = attachments
        self._cordon = cordon

    async def carry_out(self, notice: Notice, reports: Reports, deliver: Deliver) -> None:
        """One notice. What fails in it is logged and keeps no later one from being carried out."""
        try:
            await self._act_on(notice, reports, deliver)
        except Exception:
            log.exception("notice_failed", notice=type(notice).__name__)

    async def _act_on(self, notice: Notice, reports: Reports, deliver: Deliver) -> None:
        match notice:
            case Granted() | QueueRefused() | Probed():
                self._admission.answer(notice)
            case CloseSession():
                self._close(notice)
            case EndSession(wish=wish):
                self._end(wish)
            case ProbeSession():
                self._probe(notice, reports)
            case WorkerLost():
                self._lose(notice.worker)
            case Revoked():
                await close_revoked(self._attachments, notice.revocation, self._store.now())
            case Direct():
                await deliver(notice.worker, notice.directive)
            case GatewayCordoned():
                self._cordon(notice.is_cordoned)
            case Extended():
                self._extend(notice)
            case _:
                assert_never(notice)

    async def learn_cordon(self) -> None:
        """What was said of it while nobody watched. Raises Unavailable."""
        self._cordon(any(view.is_cordoned for view in await self._store.gateways() if view.gateway == self._gateway))

    def _close(self, notice: CloseSession) -> None:
        attachment = self._attachments.find(notice.session, notice.fence)
        if attachment is not None:
            self._attachments.close(attachment, notice.code, notice.retry_after)

    def _end(self, wish: End) -> None:
        """Nobody answers for an attach that is gone: its own report ends or suspends it, and whoever asked asks again."""
        attachment = self._attachments.find(wish.session, wish.fence or 0)
        if attachment is not None:
            self._attachments.end(attachment, wish)

    def _extend(self, notice: Extended) -> None:
        """The store's sweeper closes at the new time; here it is kept for a store that loses its data."""
        attachment = self._attachments.of_session(notice.session)
        if attachment is not None:
            attachment.expires_at = notice.expires_at

    def _probe(self, notice: ProbeSession, reports: Reports) -> None:
        attachment = self._attachments.find(notice.session, notice.fence)
        answer = partial(self._answer, reports, notice.session, notice.fence, notice.request)
        if attachment is None or attachment.relay is None:
            answer(False)
            return
        attachment.relay.probe(_PROBE_SECONDS, answer)

    def _answer(self, reports: Reports, session: SessionId, fence: int, request: RequestId, is_alive: bool) -> None:
        """The wire's callback has one positional argument."""
        reports.put(partial(self._store.probed, session, fence, request, is_alive=is_alive))
        attachment = self._attachments.find(session, fence)
        if not is_alive and attachment is not None:
            self._attachments.close(attachment, Code.SESSION_SUPERSEDED)

    def _lose(self, worker: WorkerId) -> None:
        lost = self._attachments.of_worker(worker)
        for attachment in lost:
            self._attachments.close(attachment, Code.WORKER_LOST, RETRY_WORKER_LOST)
        log.warning("worker_lost", worker=worker, sessions=len(lost))
