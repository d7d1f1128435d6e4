"""Annotations that keep cluster autoscalers and Karpenter away from pods with sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from autoscaler.io.kubernetes.grounds import Grounds
from autoscaler.pods import PROTECTION, Pod

WRITES_AT_ONCE = 20  # of one call; the rest comes with the next
IDLE_SECONDS = 60.0  # a pod between two sessions stays protected for so long


class Guard:
    """Of one target's pods."""

    def __init__(self) -> None:
        self.busy: frozenset[str] = frozenset()
        self._idle_since: dict[str, float] = {}

    async def protect(self, grounds: Grounds, busy: Sequence[str], idle: Sequence[str]) -> None:
        """Writes only where something changed. Raises Trouble."""
        now = asyncio.get_running_loop().time()
        self.busy = frozenset(busy)
        self._idle_since = {uid: self._idle_since.get(uid, now) for uid in idle if uid not in self.busy}
        pods = grounds.pods.pods
        left = WRITES_AT_ONCE
        for pod in self._wanting(pods, busy)[:left]:
            await grounds.patch(pod, {"annotations": dict(PROTECTION)})
            left -= 1
        for pod in self._resting(pods, now)[:left]:
            await grounds.patch(pod, {"annotations": dict.fromkeys(PROTECTION)})

    def _wanting(self, pods: Mapping[str, Pod], busy: Sequence[str]) -> list[Pod]:
        there = (pods.get(uid) for uid in busy)
        return [pod for pod in there if pod is not None and pod.is_active and not pod.is_protected]

    def _resting(self, pods: Mapping[str, Pod], now: float) -> list[Pod]:
        rested = (pods.get(uid) for uid, since in self._idle_since.items() if now - since >= IDLE_SECONDS)
        return [pod for pod in rested if pod is not None and pod.is_active and pod.is_protected]
