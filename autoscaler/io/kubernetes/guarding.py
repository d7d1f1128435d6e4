"""Annotations that keep cluster autoscalers, Karpenter and a ReplicaSet away from pods with sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from autoscaler.io.kubernetes.grounds import Grounds
from autoscaler.io.kubernetes.troubles import Refused
from autoscaler.pods import Pod
from autoscaler.protection import lacking, left_over

PAUSE_SECONDS = 0.05  # between two writes: a herd of sessions is no herd of writes
IDLE_SECONDS = 60.0  # a pod between two sessions stays protected for so long


class Guard:
    """Of one target's pods."""

    def __init__(self) -> None:
        self.busy: frozenset[str] = frozenset()
        self._idle_since: dict[str, float] = {}

    def hear(self, busy: Sequence[str], idle: Sequence[str]) -> None:
        """Who carries sessions, by uid."""
        now = asyncio.get_running_loop().time()
        self.busy = frozenset(busy)
        self._idle_since = {uid: self._idle_since.get(uid, now) for uid in idle if uid not in self.busy}

    async def protect(self, grounds: Grounds) -> None:
        """Writes what was heard, where it is not written yet. Raises Trouble."""
        now = asyncio.get_running_loop().time()
        for pod in self._of(grounds, self.busy):
            if missing := lacking(pod):
                await _annotate(grounds, pod, missing)
        rested = [uid for uid, since in self._idle_since.items() if now - since >= IDLE_SECONDS]
        for pod in self._of(grounds, rested):
            if pod.uid not in self.busy and (extra := left_over(pod)):
                await _annotate(grounds, pod, extra)

    def _of(self, grounds: Grounds, uids: Iterable[str]) -> list[Pod]:
        there = (grounds.pods.pods.get(uid) for uid in uids)
        return [pod for pod in there if pod is not None and pod.is_active]


async def _annotate(grounds: Grounds, pod: Pod, annotations: Mapping[str, str | None]) -> None:
    """A pod that has gone meanwhile needs no word."""
    try:
        await grounds.patch(pod, {"annotations": dict(annotations)})
    except Refused as error:
        if not error.is_absent and not error.is_conflict:
            raise
    await asyncio.sleep(PAUSE_SECONDS)
