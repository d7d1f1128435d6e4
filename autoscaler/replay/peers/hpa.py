"""The HorizontalPodAutoscaler (autoscaling/v2) on a Pods metric: sessions on each pod.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/: a look every 15 s; desired = ceil(current x
value / target) unless that is within a tolerance of 10 %; pods that have not started count as 0 where it would grow, pods
without a metric as the target where it would shrink and as 0 where it would grow; a metric that cannot be read changes
nothing. Default behaviour: upwards by 4 pods or 100 % in 15 s, whichever is more; downwards to the highest recommendation
of the last 300 s. It does not know which pods are busy: its ReplicaSet ends them after the termination grace.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil

from autoscaler.replay.engine import Pool
from autoscaler.replay.faults import Answer, View
from autoscaler.replay.peers.scaling import scale
from autoscaler.replay.pods import PodState

SYNC = 15.0
TOLERANCE = 0.1
STABILISATION = 300.0
GRACE = 30.0  # terminationGracePeriodSeconds where nobody sets it
LONG_GRACE = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Metrics:
    """What is known of a pod metric: `total` of it on `known` pods that run; others start, or have no metric."""

    total: float
    known: int
    starting: int = 0
    missing: int = 0


def from_pods(metrics: Metrics, current: int, target: float) -> int:
    """Replicas for an average of `target` on a pod."""
    if not metrics.known:
        return current
    ratio = metrics.total / (metrics.known * target)
    grows = ratio > 1.0
    if not metrics.missing and not (grows and metrics.starting):
        return current if abs(1.0 - ratio) <= TOLERANCE else ceil(ratio * metrics.known - 1e-9)
    counted = metrics.known + metrics.missing + (metrics.starting if grows else 0)
    total = metrics.total if grows else metrics.total + metrics.missing * target
    again = total / (counted * target)
    if abs(1.0 - again) <= TOLERANCE or (again > 1.0) != grows:
        return current
    return ceil(again * counted - 1e-9)


def from_average(value: float, current: int, target: float) -> int:
    """Replicas for an external metric of which each is to have `target`."""
    if current and abs(1.0 - value / (target * current)) <= TOLERANCE:
        return current
    return ceil(value / target - 1e-9)


@dataclass(slots=True)
class Behaviour:
    """The default `behavior`: fast up, and down to the highest of the last five minutes."""

    minimum: int = 1
    maximum: int = 1000
    _recommended: deque[tuple[float, int]] = field(default_factory=deque)

    def limit(self, recommended: int, current: int, now: float) -> int:
        """What may be written now."""
        if not self._recommended:
            self._recommended.append((now, current))  # as the controller begins its record
        self._recommended.append((now, recommended))
        while self._recommended[0][0] < now - STABILISATION:
            self._recommended.popleft()
        if recommended < current:
            recommended = min(current, max(each for _, each in self._recommended))
        recommended = min(recommended, max(current + 4, 2 * current))
        return max(self.minimum, min(self.maximum, recommended))


@dataclass(slots=True)
class Hpa:
    """One pool's. `target` in sessions on a pod."""

    target: float
    grace: float = GRACE
    view: View = field(default_factory=View)
    behaviour: Behaviour = field(default_factory=Behaviour)

    @property
    def every(self) -> float:
        """Sync period."""
        return SYNC

    def step(self, pool: Pool) -> None:
        """One sync."""
        view, now = self.view, pool.now
        if not view.can_scale(now):
            return
        answer, demand = view.metric(pool)
        if answer is Answer.OK:
            recommended = from_pods(self._metrics(pool, demand), pool.replicas, self.target)
            scale(pool, self.behaviour.limit(recommended, pool.replicas, now), self.grace)

    def _metrics(self, pool: Pool, demand: float) -> Metrics:
        running = [pod for pod in pool.pods.values() if pod.state is not PodState.STARTING]
        starting = len(pool.pods) - len(running)
        if self.view.is_half_blind(pool.now):
            known = [pod for pod in running if pod.number % 2]
            return Metrics(sum(pod.used for pod in known), len(known), starting, len(running) - len(known))
        return Metrics(demand - len(pool.queue), len(running), starting)
