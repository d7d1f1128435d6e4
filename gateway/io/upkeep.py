"""What a gateway does every second: checkpoints usage, forgets what is over, looks at its certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import structlog

from gateway.gate import Gate
from gateway.io.attachment import Attachment, usage_of
from gateway.io.attachments import Attachments
from gateway.io.certificates import Certificates
from gateway.io.standing import Standing
from gateway.policy import GatewayPolicy
from scheduler.store import Unavailable
from scheduler.values import Stale

_EVERY_SECONDS = 1.0

log = structlog.get_logger(__name__)


async def keep_up(
    policy: GatewayPolicy,
    standing: Standing,
    attachments: Attachments,
    certificates: Sequence[Certificates],
    gate: Gate,
) -> None:
    """Until cancelled. An outage of the store is waited out: relays go on without it."""
    due: Iterator[Attachment] = iter(())
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            for watched in certificates:
                watched.reload_if_changed()
            gate.revocations.forget(standing.store.now())
            if standing.is_in_step:
                share = max(1, round(len(attachments) * _EVERY_SECONDS / policy.checkpoint_seconds))
                due = await _checkpoint(due, share, standing, attachments)
        except Unavailable:
            standing.doubt()
        except Exception:
            log.exception("upkeep_failed")


async def _checkpoint(
    due: Iterator[Attachment], share: int, standing: Standing, attachments: Attachments
) -> Iterator[Attachment]:
    """The next few attachments, so that each comes once in `checkpoint_seconds`; a stale one lets go of its session, save
    where the store may only have lost it."""
    for _ in range(share):
        attachment = next(due, None)
        if attachment is None:
            return iter(attachments)
        if attachment.relay is None or attachment.order is not None:
            continue
        usage = usage_of(attachment.relay.traffic())
        answer = await standing.store.checkpoint(attachment.session, attachment.fence, usage)
        if isinstance(answer, Stale) and answer.fence is None and not await standing.is_known():
            raise Unavailable("the store lost its data")
        if isinstance(answer, Stale):
            attachments.let_go(attachment, answer)
    return due
