"""How many workers a pool should have now, which serve, which go."""

from __future__ import annotations

from autoscaler.decision import Decision
from autoscaler.memory import Memory
from autoscaler.observation import Observation
from autoscaler.policy import PoolPolicy


def decide(policy: PoolPolicy, seen: Observation, memory: Memory, now: float) -> tuple[Decision, Memory]:
    """Pure: the same arguments give the same answer. `now` in seconds, never before an earlier one of the same memory."""
    replicas = seen.target.replicas if seen.target is not None else 0
    return Decision(policy.region, policy.pool, now, desired=replicas, replicas=replicas), memory
