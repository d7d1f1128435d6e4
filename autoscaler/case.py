"""What a decision is made from: one pool, looked at once, with all that follows from it before anything is chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoscaler.fleet import Fleet, survey
from autoscaler.floors import Bounds, from_requests
from autoscaler.flow import trend
from autoscaler.freezes import Freezes, freezes
from autoscaler.lead import lead_seconds
from autoscaler.learning import after_look
from autoscaler.memory import Memory
from autoscaler.need import Buffer, buffer, hidden
from autoscaler.observation import Observation
from autoscaler.policy import PoolPolicy


@dataclass(frozen=True, slots=True)
class Case:
    """`memory` knows this look already."""

    policy: PoolPolicy
    seen: Observation
    memory: Memory
    now: float
    lead: float
    fleet: Fleet
    keep: Buffer
    rising: float  # sessions that the trend brings until an ordered worker serves
    bounds: Bounds
    frozen: Freezes

    @property
    def limit(self) -> int:
        """Workers that may serve at most."""
        policy, ceiling = self.policy, self.bounds.ceiling
        asked = policy.maximum if ceiling is None else max(policy.minimum, ceiling.workers)
        return min(policy.maximum, asked)


def case(policy: PoolPolicy, seen: Observation, memory: Memory, now: float) -> Case:
    """One look, learnt from and measured."""
    lead = lead_seconds(memory.leads, policy.lead_seconds)
    fleet = survey(seen, memory, lead, now)
    memory = after_look(policy, seen, fleet, memory, now)
    bounds = from_requests(seen.requests, now)
    ahead = lead + policy.every
    slope = max(trend(memory.demand.looks, memory.spread or 0.0), hidden(policy, fleet)) if fleet.is_known else 0.0
    return Case(
        policy,
        seen,
        memory,
        now,
        lead,
        fleet,
        buffer(policy, memory, fleet.sessions, lead),
        slope * ahead,
        bounds,
        freezes(policy, seen, fleet, memory, bounds, now),
    )


def with_ruled(made: Case, workers: int) -> Case:
    """What the rules ask for now, remembered."""
    return replace(made, memory=replace(made.memory, ruled=made.memory.ruled.with_look(made.now, workers)))
