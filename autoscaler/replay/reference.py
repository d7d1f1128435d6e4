"""What nobody can beat: the pods that the sessions themselves need, and the crowd seen at its first sign."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

from autoscaler.replay.controller import Controller
from autoscaler.replay.engine import Pool
from autoscaler.replay.pods import POOL, Pod
from autoscaler.replay.sessions import Sessions
from autoscaler.replay.setting import Setting
from scheduler.placement import Index
from scheduler.values import Wanted


def reference_pod_seconds(sessions: Sessions, setting: Setting) -> float:
    """Pods that start in 0 s when no slot is free and stop in 0 s when they are empty; no buffer, none at the least, and
    the same placement. Counted from `setting.begin` to `setting.end`."""
    index: Index[Pod] = Index()
    plan = index.plan(Wanted((sessions.region,), (POOL,)))
    ends: list[tuple[float, int, Pod]] = []
    paid = 0.0

    def finish(until: float) -> float:
        total = 0.0
        while ends and ends[0][0] <= until:
            at, _, pod = heappop(ends)
            index.give(pod)
            if not pod.used:
                index.remove(pod)
                total += max(0.0, min(at, setting.end) - max(pod.created_at, setting.begin))
        return total

    for number, (start, length) in enumerate(zip(sessions.starts, sessions.lengths, strict=True)):
        if start >= setting.end:
            break
        paid += finish(start)
        chosen = index.choose(plan, str(number))
        if chosen is None:
            chosen = Pod(sessions.region, setting.slots, number, start)
            index.add(chosen)
            index.open(chosen)
        index.take(chosen)
        heappush(ends, (start + length, number, chosen))
    return paid + finish(float("inf"))


@dataclass(slots=True)
class FirstSign:
    """Another controller until `at`; then all that will be needed is started at once, and nothing is taken away."""

    before: Controller
    at: float
    pods: int

    @property
    def every(self) -> float:
        """A tick falls within a second of `at`."""
        return self.before.every

    def step(self, pool: Pool) -> None:
        """Follows, or has seen."""
        if pool.now < self.at:
            self.before.step(pool)
            return
        for pod in pool.pods.values():
            pool.uncordon(pod)
        pool.raise_to(self.pods)


def most_at_once(sessions: Sessions, since: float) -> int:
    """The most sessions that are live at any moment after `since`."""
    ends: list[float] = []
    most = 0
    for start, length in zip(sessions.starts, sessions.lengths, strict=True):
        while ends and ends[0] <= start:
            heappop(ends)
        heappush(ends, start + length)
        if start >= since:
            most = max(most, len(ends))
    return most
