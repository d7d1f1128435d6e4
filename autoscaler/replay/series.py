"""What a run looked like over time, for a picture of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoscaler.replay.controller import Controller
from autoscaler.replay.engine import Pool
from autoscaler.replay.pods import PodState


@dataclass(frozen=True, slots=True)
class Moment:
    """One pool at one time."""

    at: float  # Unix seconds
    sessions: int  # served
    waiting: int
    open_slots: int  # of pods that take sessions, used ones included
    paid_slots: int  # of all pods that the target counts
    rejected: int  # so far


@dataclass(slots=True)
class Watched:
    """A controller whose pool is looked at `each` so many seconds at the most often."""

    inner: Controller
    each: float
    moments: list[Moment] = field(default_factory=list)

    @property
    def every(self) -> float:
        """As the controller's."""
        return self.inner.every

    def step(self, pool: Pool) -> None:
        """Lets it decide, then looks."""
        self.inner.step(pool)
        if not self.moments or pool.now - self.moments[-1].at >= self.each:
            self.moments.append(_moment(pool))


def _moment(pool: Pool) -> Moment:
    slots = pool.setting.slots
    serving = sum(pod.state is PodState.SERVING for pod in pool.pods.values())
    return Moment(pool.now, pool.live, pool.waiting, serving * slots, len(pool.pods) * slots, pool.rejected)
