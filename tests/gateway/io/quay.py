"""What a gateway's inner parts need around them: a real store and reports, and relays and streams that remember."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from gateway.io.attachment import Attachment
from gateway.io.attachments import Attachments
from gateway.io.metrics import GatewayMetrics
from gateway.io.reports import Reports
from gateway.io.wire import TlsContext
from gateway.relay import Traffic
from scheduler.io.memory import MemoryStore
from scheduler.policy import SchedulerPolicy
from tests.builders import a_claimed, a_token

Told = tuple[int, bytes] | None


@dataclass
class DeafRelay:
    """A relay that remembers what it was asked."""

    told: list[tuple[Told, Told]] = field(default_factory=list)
    carried: Traffic = field(default_factory=Traffic)
    answers_probes: bool = True
    probed: list[float] = field(default_factory=list)

    def close(self, client: Told, worker: Told) -> None:
        self.told.append((client, worker))

    def abort(self) -> None:
        self.told.append((None, None))

    def probe(self, within_seconds: float, answer: Callable[[bool], None]) -> None:
        self.probed.append(within_seconds)
        answer(self.answers_probes)

    def traffic(self) -> Traffic:
        return self.carried

    def set_session_bytes(self, limit_bytes: int) -> None:
        raise NotImplementedError


class ScriptedStream:
    """A connection that says its lines, and then ends, or says nothing more."""

    peer_host = "192.0.2.1"
    peer_port = 4711

    def __init__(self, *lines: bytes | Exception, ends: bool = False) -> None:
        self.lines = list(lines)
        self.ends = ends
        self.sent = b""
        self.secured: list[TlsContext] = []
        self.is_aborted = False
        self.is_finished = False

    async def receive(self) -> bytes:
        if not self.lines:
            await self.wait_gone()
            return b""
        line = self.lines.pop(0)
        if isinstance(line, Exception):
            raise line
        return line

    def unread(self, data: bytes) -> None:
        self.lines.insert(0, data)

    async def wait_gone(self) -> None:
        if not self.ends:
            await asyncio.Event().wait()

    def send(self, data: bytes) -> None:
        self.sent += data

    async def start_tls(self, context: TlsContext) -> None:
        self.secured.append(context)

    async def finish(self, linger_seconds: float) -> None:
        self.is_finished = True

    def abort(self) -> None:
        self.is_aborted = True


@dataclass
class Quay:
    """Attachments, and what they report to."""

    registry: CollectorRegistry
    store: MemoryStore
    reports: Reports
    attachments: Attachments
    metrics: GatewayMetrics

    def attached(self, number: int = 0, fence: int = 7) -> tuple[Attachment, DeafRelay]:
        """Session `number`, relayed."""
        attachment, relay = Attachment(self.attachments, a_claimed(number, fence=fence), a_token(number)), DeafRelay()
        attachment.relay = relay
        self.attachments.add(attachment)
        return attachment, relay


@asynccontextmanager
async def a_quay(policy: SchedulerPolicy | None = None) -> AsyncIterator[Quay]:
    """With writers running."""
    registry, store = CollectorRegistry(), MemoryStore(policy=policy)
    metrics = GatewayMetrics(registry)
    reports = Reports(metrics)
    reports.start()
    try:
        yield Quay(registry, store, reports, Attachments(store, reports, metrics), metrics)
        await reports.flush(1)
    finally:
        await reports.close()
