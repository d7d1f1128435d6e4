"""A copy of the pods of one selector that keeps itself up to date, and knows when it is not.

List in pages, watch from there with bookmarks, list anew when the server has forgotten where we were (410). Watches are short:
each that begins or ends is a sign of life, so that a longer silence means not knowing.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from autoscaler.io.kubernetes.api import Api
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.troubles import Refused, Trouble
from autoscaler.pods import Pod, pod_of
from moorage.backoff import Backoff, Chance

PAGE = 250  # pods of one answer: 2 to 3 MB, and 2 to 4 ms to read
PAGES_AT_MOST = 200
_SHORT_SECONDS = 1.0
_EXPIRED = 410
_log = structlog.get_logger("moorage.autoscaler")


@dataclass(frozen=True, slots=True)
class Pace:
    """watch < silence < stale: a watch that ends in time is never late, and a silent one is begun anew before it counts."""

    watch_seconds: int = 30  # then the server ends it and the next one begins
    silence: float = 35.0
    stale_after: float = 45.0
    backoff: Backoff = field(default_factory=lambda: Backoff(first=0.5, most=15.0))


class Expired(Exception):
    """The server no longer knows the resourceVersion."""


class PodReflector:
    """`on_change` hears every pod that is new or changed, before and after; it must not wait."""

    def __init__(
        self,
        api: Api,
        metrics: KubernetesMetrics,
        *,
        path: str,
        selector: str,
        on_change: Callable[[Pod | None, Pod | None], None] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.selector = selector
        self._api = api
        self._metrics = metrics
        self._path = path
        self._query = {"labelSelector": selector}
        self._on_change = on_change
        self._pods: dict[str, Pod] = {}
        self._version: str | None = None
        self._heard_at = float("-inf")
        self._pace = pace or Pace()
        self._attempt = 0
        self._chance: Chance = random.random
        self._turn = asyncio.Event()

    @property
    def pods(self) -> Mapping[str, Pod]:
        """By uid, as last heard."""
        return self._pods

    @property
    def is_fresh(self) -> bool:
        """It was listed, and the server was heard of not long ago."""
        return asyncio.get_running_loop().time() - self._heard_at <= self._pace.stale_after

    async def run(self) -> None:
        """Until cancelled. Survives whatever the server says."""
        why = "start"
        while True:
            try:
                if self._version is None:
                    self._metrics.relists.labels(why).inc()
                    await self._list()
                await self._watch_once()
            except Expired:
                self._version, why = None, "expired"
                await self._pause(None)
            except Trouble as error:
                _log.info("watch_interrupted", path=self._path, detail=str(error))
                await self._pause(error.retry_after)
            except Exception:
                _log.exception("watch_failed", path=self._path)
                self._version, why = None, "unreadable"
                await self._pause(None)

    async def read(self) -> dict[str, Pod]:
        """All pods as the server has them now, by uid; the copy is not touched. Raises Trouble."""
        pods, _ = await self._pages()
        return pods

    async def turn(self, timeout: float) -> None:
        """Returns when something changed, or after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._turn.wait()
        except TimeoutError:
            return

    async def _list(self) -> None:
        pods, version = await self._pages()
        before, self._pods = self._pods, pods
        self._version = version
        self._hear()
        for uid in before.keys() | pods.keys():
            self._tell(before.get(uid), pods.get(uid))

    async def _pages(self) -> tuple[dict[str, Pod], str]:
        """A list whose later pages expire is begun once more, then given up for this time."""
        try:
            return await self._pages_once()
        except Refused as error:
            if not error.is_expired:
                raise
        return await self._pages_once()

    async def _pages_once(self) -> tuple[dict[str, Pod], str]:
        pods: dict[str, Pod] = {}
        more = ""
        for _ in range(PAGES_AT_MOST):
            query = self._query | {"limit": str(PAGE)} | ({"continue": more} if more else {})
            page = await self._api.get(self._path, query)
            for document in page.get("items") or ():
                pod = pod_of(document)
                pods[pod.uid] = pod
            meta = page.get("metadata") or {}
            more = str(meta.get("continue") or "")
            if not more:
                return pods, str(meta.get("resourceVersion") or "")
        raise Refused(413, f"more than {PAGES_AT_MOST * PAGE} pods match {self.selector}")

    async def _watch_once(self) -> None:
        """A watch that ends at once, as one behind a proxy may, is not begun again at once."""
        clock = asyncio.get_running_loop().time
        began_at = clock()
        await self._watch()
        if clock() - began_at < _SHORT_SECONDS:
            await self._pause(None)
        else:
            self._attempt = 0

    async def _watch(self) -> None:
        assert self._version is not None
        query = self._query | {
            "watch": "1",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(self._pace.watch_seconds),
        }
        try:
            async with self._api.lines(self._path, query, silence=self._pace.silence) as lines:
                self._hear()
                async for line in lines:
                    self._take(json.loads(line))
                    self._attempt = 0
                    self._hear()
        except Refused as error:
            if error.is_expired:
                raise Expired from error
            raise
        self._hear()

    def _take(self, event: Mapping[str, Any]) -> None:
        said, document = event.get("type"), event.get("object") or {}
        if said == "ERROR":
            code = int(document.get("code") or 0)
            if code == _EXPIRED:
                raise Expired
            raise Refused(code, str(document.get("message", ""))[:300])
        if said != "BOOKMARK":
            pod = pod_of(document)
            before = self._pods.pop(pod.uid, None)
            if said != "DELETED":
                self._pods[pod.uid] = pod
            self._tell(before, None if said == "DELETED" else pod)
        self._version = str(document["metadata"]["resourceVersion"])

    def _hear(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._turn.set()
        self._turn = asyncio.Event()

    def _tell(self, before: Pod | None, after: Pod | None) -> None:
        if self._on_change is not None and before != after:
            self._on_change(before, after)

    async def _pause(self, retry_after: float | None) -> None:
        wait = self._pace.backoff.wait(self._attempt, self._chance, retry_after)
        self._attempt += 1
        await asyncio.sleep(wait)
