"""The Knative Pod Autoscaler with its defaults, on concurrency.

https://knative.dev/docs/serving/autoscaling/kpa-specific/ and .../concurrency/, .../scale-bounds/, .../autoscaling-targets/:
a look every 2 s at the mean concurrency of 60 s (stable) and of 6 s (panic); target 70 % of the container's concurrency;
panic while the panic window asks for 200 % of the ready pods or more, and for 60 s after, in which nothing is lowered; by
one look at most x 1000 upwards and / 2 downwards of the ready pods; to zero after a grace of 30 s. A revision's requests may
last 300 s by default (`revision-timeout-seconds`), which is also the termination grace of its pods: longer sessions are cut.
It scrapes a sample of the pods and extrapolates: half of them missing changes nothing. Metrics that cannot be had change
nothing. Left out: excess burst capacity, which decides on the path of a request and not on the number of pods.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil, floor

from autoscaler.replay.engine import Pool
from autoscaler.replay.faults import Answer, View
from autoscaler.replay.peers.scaling import scale
from autoscaler.replay.pods import PodState

TICK = 2.0
STABLE = 60.0
PANIC = 6.0
PANIC_THRESHOLD = 2.0
MOST_UP = 1000.0
MOST_DOWN = 2.0
ZERO_GRACE = 30.0
TARGET_PERCENT = 70.0
REQUEST_TIMEOUT = 300.0


@dataclass(slots=True)
class Panic:
    """Whether it is in panic, since when, and the most it has asked for meanwhile."""

    since: float | None = None
    most: int = 0

    def decide(self, now: float, ready: int, stable: float, panic: float) -> int:
        """Pods for a mean demand of so many pods' targets over the stable and over the panic window."""
        pods = max(1, ready)
        least, most = floor(pods / MOST_DOWN), ceil(pods * MOST_UP)
        is_over = ceil(panic - 1e-9) / pods >= PANIC_THRESHOLD
        desired = min(max(ceil(stable - 1e-9), least), most)
        if is_over:
            self.since = now
        elif self.since is not None and self.since + STABLE < now:
            self.since, self.most = None, 0
        if self.since is None:
            return desired
        self.most = max(self.most, desired, min(max(ceil(panic - 1e-9), least), most))
        return self.most


@dataclass(slots=True)
class Knative:
    """One pool's. `target` in sessions on a pod."""

    target: float
    grace: float = REQUEST_TIMEOUT
    view: View = field(default_factory=View)
    panic: Panic = field(default_factory=Panic)
    _seen: deque[float] = field(default_factory=deque)
    _total: float = 0.0  # of what is in _seen
    _idle_since: float | None = None

    @property
    def every(self) -> float:
        """A tick."""
        return TICK

    def step(self, pool: Pool) -> None:
        """One tick."""
        view, now = self.view, pool.now
        answer, demand = (Answer.OK, float(pool.demand)) if view.is_half_blind(now) else view.metric(pool)
        if answer is not Answer.OK:
            return
        self._record(demand)
        if not view.can_scale(now):
            return
        ready = sum(pod.state is not PodState.STARTING for pod in pool.pods.values())
        desired = self.panic.decide(now, ready, self._mean(STABLE) / self.target, self._mean(PANIC) / self.target)
        if desired or self._may_go_to_zero(pool):
            self._idle_since = None if desired else self._idle_since
            scale(pool, desired, self.grace)

    def _may_go_to_zero(self, pool: Pool) -> bool:
        if self._idle_since is None:
            self._idle_since = pool.now
        return pool.now - self._idle_since >= ZERO_GRACE

    def _record(self, demand: float) -> None:
        self._seen.append(demand)
        self._total += demand
        if len(self._seen) > STABLE / TICK:
            self._total -= self._seen.popleft()

    def _mean(self, window: float) -> float:
        many = min(len(self._seen), int(window / TICK))
        if many == len(self._seen):
            return self._total / many
        return sum(self._seen[-place] for place in range(1, many + 1)) / many
