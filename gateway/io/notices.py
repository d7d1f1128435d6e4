"""What the store tells a gateway, carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import assert_never

import structlog

from gateway.endings import RETRY_WORKER_LOST
from gateway.gate import Gate
from gateway.io.admission import Admission
from gateway.io.attachments import Attachments, adopt
from gateway.io.reports import Reports
from gateway.io.revoking import catch_up, close_revoked
from moorage.errors import Code
from moorage.ids import GatewayId, RequestId, SessionId, WorkerId
from scheduler.store import Store, Unavailable
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
_RETRY_SECONDS = 0.5

Deliver = Callable[[WorkerId, Directive], Awaitable[None]]
Cordon = Callable[[bool], None]
"""Takes no new clients, or takes them again."""

log = structlog.get_logger(__name__)


class Notices:
    """The reader of one gateway's notices."""

    def __init__(
        self,
        gateway: GatewayId,
        store: Store,
        gate: Gate,
        admission: Admission,
        attachments: Attachments,
        resume_seconds: float,
        cordon: Cordon,
    ) -> None:
        self._gateway = gateway
        self._store = store
        self._gate = gate
        self._admission = admission
        self._attachments = attachments
        self._resume_seconds = resume_seconds
        self._cordon = cordon

    async def run(self, reports: Reports, deliver: Deliver) -> None:
        """Until cancelled. A watch that broke may have lost notices: what is live is adopted first, then watched again."""
        while True:
            try:
                notices = self._store.watch(self._gateway)
                await catch_up(self._store, self._attachments)
                await self._learn_cordon()
                async for notice in notices:
                    await self._carry_out(notice, reports, deliver)
            except Unavailable:
                log.warning("watch_broken")
            except Exception:
                log.exception("watch_failed")
            await asyncio.sleep(_RETRY_SECONDS)
            await adopt(self._gateway, self._store, self._attachments, self._resume_seconds)

    async def _carry_out(self, notice: Notice, reports: Reports, deliver: Deliver) -> None:
        """One that fails is no reason to miss the next."""
        try:
            await self._act(notice, reports, deliver)
        except Exception:
            log.exception("notice_failed", notice=type(notice).__name__)

    async def _act(self, notice: Notice, reports: Reports, deliver: Deliver) -> None:
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
                pass  # the store's sweeper closes at the new time; nothing is kept here
            case _:
                assert_never(notice)

    async def _learn_cordon(self) -> None:
        """What was said of it while nobody watched."""
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
