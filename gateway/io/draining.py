"""Emptying a gateway: its sessions are told 1012 at a steady rate and resume elsewhere."""

from __future__ import annotations

import asyncio
import random

import structlog

from gateway.draining import due_by_now
from gateway.io.attachment import Attachment
from gateway.io.attachments import Attachments
from gateway.io.metrics import GatewayMetrics
from moorage.errors import Code

_STEP_SECONDS = 0.05
_LINGER_SECONDS = 3.0  # for the last farewells

log = structlog.get_logger(__name__)


async def drain(attachments: Attachments, seconds: float, metrics: GatewayMetrics) -> None:
    """Returns when every relay is closed, at most `seconds` and a linger later."""
    waiting = list(attachments)
    total, started = len(waiting), asyncio.get_running_loop().time()
    log.info("drain_started", sessions=total, seconds=seconds)
    while waiting:
        elapsed = asyncio.get_running_loop().time() - started
        for _ in range(due_by_now(total, len(waiting), elapsed, seconds)):
            _move(attachments, waiting.pop())
        metrics.drain_left.set(len(waiting))
        await asyncio.sleep(_STEP_SECONDS)
    await _closed(attachments)
    log.info("drain_finished", sessions=total, left=attachments.open)


async def _closed(attachments: Attachments) -> None:
    """Also those whose handshake was under way when the drain began."""
    end = asyncio.get_running_loop().time() + _LINGER_SECONDS
    while attachments.open and asyncio.get_running_loop().time() < end:
        for late in attachments:
            _move(attachments, late)
        await asyncio.sleep(_STEP_SECONDS)


def _move(attachments: Attachments, attachment: Attachment) -> None:
    attachments.close(attachment, Code.DRAINING, retry_after=random.uniform(0.1, 1.0))
