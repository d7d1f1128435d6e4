"""Our own autoscaler in a replay: the real decision with real observations, carried out in the order it prescribes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autoscaler.decide import decide
from autoscaler.decision import Decision, Removal
from autoscaler.memory import Memory
from autoscaler.observation import Observation, Sample, TargetSeen
from autoscaler.policy import PoolPolicy
from autoscaler.replay.engine import Pool
from autoscaler.replay.faults import View
from autoscaler.replay.pods import Pod, registered
from moorage.ids import WorkerId


@dataclass(slots=True)
class Ours:
    """One pool's decisions. `memory` goes on from one leader to the next, as the store keeps it."""

    policy: PoolPolicy
    view: View = field(default_factory=View)
    memory: Memory = field(default_factory=Memory)
    decisions: int = 0

    @property
    def every(self) -> float:
        """As the policy says."""
        return self.policy.every

    def step(self, pool: Pool) -> None:
        """Observe, decide, act."""
        view = self.view
        if not view.has_leader(pool.now):
            return
        seen = view.look(observed(self.policy, pool, view.samples(pool)), pool.now)
        decision, self.memory = decide(self.policy, seen, self.memory, pool.now)
        self.decisions += 1
        carry_out(decision, pool, can_write=view.has_target(pool.now))


def observed(policy: PoolPolicy, pool: Pool, samples: Mapping[str, Sample]) -> Observation:
    """The truth about a pool."""
    return Observation(
        policy.region,
        policy.pool,
        workers=registered(pool.pods.values()),
        waiting=pool.waiting,
        target=TargetSeen(pool.replicas, pool.members),
        samples=samples,
    )


def carry_out(decision: Decision, pool: Pool, *, can_write: bool = True) -> None:
    """Uncordon, raise, cordon, then retire and remove, each only where it still holds."""
    for pod in _pods(pool, decision.uncordon):
        pool.uncordon(pod)
    if can_write:
        pool.raise_to(decision.replicas)
    for pod in _pods(pool, decision.cordon):
        pool.cordon(pod)
    if can_write:
        pool.remove(_retired(pool, decision.retire), grace=0.0)


def _retired(pool: Pool, removals: Iterable[Removal]) -> list[Pod]:
    return [pod for pod in _pods(pool, [removal.worker for removal in removals]) if not pod.used]


def _pods(pool: Pool, workers: Iterable[WorkerId]) -> list[Pod]:
    found = (pool.pods.get(int(worker.removeprefix("wrk_"))) for worker in workers)
    return [pod for pod in found if pod is not None]
