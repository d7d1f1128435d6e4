"""Events on the target (`kubectl describe deployment`), few of them: for people, not for programs."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from dataclasses import dataclass
from secrets import token_hex

import structlog

from autoscaler.io.kubernetes.api import Document
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.pen import Pen
from autoscaler.io.kubernetes.troubles import NotLeading, Trouble
from autoscaler.kinds import listing_path
from autoscaler.leases import micro_time
from autoscaler.workloads import Workload

BURST = 20
EVERY = 10.0  # seconds that earn one more
SAME_AFTER = 600.0  # the same words are not said again before
_WAITING = 20
_log = structlog.get_logger("moorage.autoscaler")


@dataclass(frozen=True, slots=True)
class Said:
    """One event."""

    about: Workload
    reason: str  # UpperCamelCase
    note: str
    is_warning: bool
    at: float  # Unix seconds


class Announcer:
    """`say` returns at once; `run` writes."""

    def __init__(self, pen: Pen, metrics: KubernetesMetrics, namespace: str) -> None:
        self._pen = pen
        self._metrics = metrics
        self._path = listing_path("events.k8s.io", "v1", namespace, "events")
        self._namespace = namespace
        self._waiting: deque[Said] = deque(maxlen=_WAITING)
        self._there = asyncio.Event()
        self._credit = float(BURST)
        self._credited_at = 0.0
        self._spoken: dict[tuple[str, str], float] = {}

    def say(self, about: Workload, reason: str, note: str, *, is_warning: bool = False) -> None:
        """Dropped where too much was said lately, or the same."""
        now = asyncio.get_running_loop().time()
        self._credit = min(BURST, self._credit + (now - self._credited_at) / EVERY)
        self._credited_at = now
        self._spoken = {key: at for key, at in self._spoken.items() if now - at < SAME_AFTER}
        if not about.uid or self._credit < 1 or (reason, note) in self._spoken:
            self._metrics.events.labels("withheld").inc()
            return
        self._credit -= 1
        self._spoken[reason, note] = now
        self._waiting.append(Said(about, reason, note, is_warning, time.time()))
        self._there.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._there.wait()
            self._there.clear()
            while self._waiting:
                await self._write(self._waiting.popleft())

    async def _write(self, said: Said) -> None:
        try:
            await self._pen.post(self._path, self._document(said))
        except NotLeading:
            self._metrics.events.labels("withheld").inc()
        except Trouble as error:
            self._metrics.events.labels("failed").inc()
            _log.info("event_not_written", reason=said.reason, detail=str(error))
        else:
            self._metrics.events.labels("written").inc()

    def _document(self, said: Said) -> Document:
        about = said.about
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{about.name[:200]}.{token_hex(8)}", "namespace": self._namespace},
            "eventTime": micro_time(said.at),
            "reportingController": "moorage.dev/autoscaler",
            "reportingInstance": socket.gethostname()[:128],
            "action": "Scale",
            "reason": said.reason,
            "note": said.note[:1000],
            "type": "Warning" if said.is_warning else "Normal",
            "regarding": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "name": about.name,
                "namespace": self._namespace,
                "uid": about.uid,
            },
        }
