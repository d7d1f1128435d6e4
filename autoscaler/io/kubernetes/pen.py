"""The only way to write to a target: leadership is checked right before each write."""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.io.kubernetes.api import Api, Document
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.troubles import NotLeading, Refused


class Pen:
    """`leads` answers from this process's own clock. All raise Trouble."""

    def __init__(self, api: Api, leads: Callable[[], bool], metrics: KubernetesMetrics) -> None:
        self._api = api
        self._leads = leads
        self._metrics = metrics

    async def patch(self, path: str, body: Document | list[Document], what: str) -> Document:
        """`what` counts conflicts: scale or pod."""
        self._check()
        try:
            return await self._api.patch(path, body)
        except Refused as error:
            self._count(error, what)
            raise

    async def delete(self, path: str, body: Document, what: str) -> Document:
        """With preconditions in `body`."""
        self._check()
        try:
            return await self._api.delete(path, body)
        except Refused as error:
            self._count(error, what)
            raise

    async def post(self, path: str, body: Document) -> Document:
        """Creates."""
        self._check()
        return await self._api.post(path, body)

    def _check(self) -> None:
        if not self._leads():
            raise NotLeading("another autoscaler may lead by now: nothing was written")

    def _count(self, error: Refused, what: str) -> None:
        if error.is_conflict:
            self._metrics.conflicts.labels(what).inc()
