"""Revocations reach live sockets: each as a notice, and all of them after an outage, for what was missed.

Thousands may fall under one: they are closed a portion at a time, so that other sessions' bytes go on in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from operator import attrgetter

import structlog

from gateway.io.attachment import Attachment
from gateway.io.attachments import Attachments
from moorage.ids import SessionId
from scheduler.store import Store
from scheduler.values import Revocation

PORTION = 100  # relays closed in one step of the loop: 5 to 10 ms
LOOKED_AT = 2_000  # attachments held against all revocations in one step: about 2 ms

_WHOSE = {kind: attrgetter(kind) for kind in ("user", "key", "workspace")}

log = structlog.get_logger(__name__)


async def close_revoked(attachments: Attachments, revocation: Revocation, now: float) -> None:
    """One revocation: remembered for the gate, and everything relayed under it is closed and ended."""
    attachments.revocations.add(revocation)
    with attachments.reports.held():
        closed = await _close(attachments, _named(attachments, revocation), now)
    log.info("revoked", kind=revocation.kind, id=revocation.id, reason=revocation.reason, sessions=closed)


async def catch_up(store: Store, attachments: Attachments) -> None:
    """All revocations in force, before a watch is trusted. Raises Unavailable."""
    for revocation in await store.revocations():
        attachments.revocations.add(revocation)
    if not len(attachments.revocations):
        return
    closed, live = 0, list(attachments)
    for start in range(0, len(live), LOOKED_AT):
        closed += await _close(attachments, live[start : start + LOOKED_AT], store.now())
        await asyncio.sleep(0)
    if closed:
        log.warning("revoked_meanwhile", sessions=closed)


def _named(attachments: Attachments, revocation: Revocation) -> list[Attachment]:
    if revocation.kind == "session":
        attachment = attachments.of_session(SessionId(revocation.id))
        return [] if attachment is None else [attachment]
    whose = _WHOSE[revocation.kind]
    return [attachment for attachment in attachments if whose(attachment) == revocation.id]


async def _close(attachments: Attachments, those: Sequence[Attachment], now: float) -> int:
    closed = 0
    for attachment in those:
        if attachments.end_if_revoked(attachment, now):
            closed += 1
            if closed % PORTION == 0:
                await asyncio.sleep(0)
    return closed
