"""KEDA's ScaledObject with its defaults and a Prometheus trigger: sessions served and waiting, as an average value.

https://keda.sh/docs/latest/reference/scaledobject-spec/ (pollingInterval 30 s, cooldownPeriod 300 s, minReplicaCount 0) and
https://keda.sh/docs/latest/scalers/prometheus/ (ignoreNullValues true: an empty vector and NaN count as 0). Above zero an HPA
that KEDA made does the scaling; KEDA itself goes from 0 to 1 when the trigger is active, and to 0 when it has not been
for the cool-down. An error neither scales nor counts as inactive.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autoscaler.replay.engine import Pool
from autoscaler.replay.faults import Answer, View
from autoscaler.replay.peers.hpa import GRACE, SYNC, Behaviour, from_average
from autoscaler.replay.peers.scaling import scale

POLLING = 30.0
COOL_DOWN = 300.0


@dataclass(slots=True)
class Keda:
    """One pool's. `target` in sessions on a pod."""

    target: float
    grace: float = GRACE
    view: View = field(default_factory=View)
    behaviour: Behaviour = field(default_factory=Behaviour)
    _active_at: float | None = None
    _polled_at: float | None = None

    @property
    def every(self) -> float:
        """The HPA's sync period; every second time KEDA polls too."""
        return SYNC

    def step(self, pool: Pool) -> None:
        """One sync of the HPA, and maybe one poll."""
        view, now = self.view, pool.now
        if not view.can_scale(now):
            return
        answer, value = view.metric(pool)
        if answer is Answer.ERROR:
            return
        if answer is not Answer.OK:
            value = 0.0
        if self._polled_at is None or now - self._polled_at >= POLLING:
            self._polled_at = now
            self._poll(pool, value > 0.0)
        if pool.replicas:
            recommended = from_average(value, pool.replicas, self.target)
            scale(pool, self.behaviour.limit(recommended, pool.replicas, now), self.grace)

    def _poll(self, pool: Pool, is_active: bool) -> None:
        now = pool.now
        if is_active or self._active_at is None:
            self._active_at = now
        if is_active and not pool.replicas:
            scale(pool, 1, self.grace)
        elif not is_active and pool.replicas and now - self._active_at >= COOL_DOWN:
            scale(pool, 0, self.grace)
