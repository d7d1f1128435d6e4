"""What a gateway does every second: renews its lease, checkpoints usage, forgets what is over, looks at its certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import structlog

from gateway.gate import Gate
from gateway.io.attachments import Attachment, Attachments, adopt, usage_of
from gateway.io.certificates import Certificates
from gateway.policy import GatewayPolicy
from moorage.ids import GatewayId
from scheduler.store import Store, Unavailable
from scheduler.values import Stale

_EVERY_SECONDS = 1.0

log = structlog.get_logger(__name__)


async def keep_up(
    gateway: GatewayId,
    policy: GatewayPolicy,
    store: Store,
    attachments: Attachments,
    certificates: Sequence[Certificates],
    gate: Gate,
) -> None:
    """Until cancelled. An outage of the store is waited out: relays go on without it."""
    due: Iterator[Attachment] = iter(())
    is_away = False
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            for watched in certificates:
                watched.reload_if_changed()
            gate.revocations.forget(store.now())
            share = max(1, round(len(attachments) * _EVERY_SECONDS / policy.checkpoint_seconds))
            if is_away:
                is_away = not await adopt(gateway, store, attachments, policy.resume_seconds)
            await store.renew(gateway)
            due = await _checkpoint(due, share, store, attachments)
        except Unavailable:
            is_away = True
            log.warning("store_unavailable")
        except Exception:
            log.exception("upkeep_failed")


async def _checkpoint(
    due: Iterator[Attachment], share: int, store: Store, attachments: Attachments
) -> Iterator[Attachment]:
    """The next few attachments, so that each comes once in `checkpoint_seconds`; a stale one lets go of its session."""
    for _ in range(share):
        attachment = next(due, None)
        if attachment is None:
            return iter(attachments)
        if attachment.relay is None or attachment.order is not None:
            continue
        usage = usage_of(attachment.relay.traffic())
        answer = await store.checkpoint(attachment.session, attachment.fence, usage)
        if isinstance(answer, Stale):
            attachments.let_go(attachment, answer)
    return due
