"""What a decision is made from: one pool, looked at once, with all that follows from it before anything is chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoscaler.fleet import Fleet, survey
from autoscaler.floors import Bounds, from_requests
from autoscaler.flow import drift, rise
from autoscaler.forecast import forecast
from autoscaler.freezes import Freezes, freezes
from autoscaler.lead import lead_seconds
from autoscaler.learning import after_look
from autoscaler.memory import Memory
from autoscaler.need import LEVEL_BAND, LEVEL_LEAST, Buffer, Usual, buffer, hidden
from autoscaler.observation import Observation
from autoscaler.pace import patience
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
    drift: float  # sessions a second, over the last forty minutes
    bounds: Bounds
    frozen: Freezes
    usual: Usual
    patience: float  # part of the policy's time for which what is not needed is kept

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
    drifting = drift(memory.demand.minutes)
    ahead = lead + policy.every
    known = now - memory.demand.tens[0][0] if memory.demand.tens else 0.0
    part = patience(memory.pace, known, now)
    usual = Usual(memory.habits.rate(now, now + ahead), forecast(memory.seasons, now, lead))
    return Case(
        policy,
        seen,
        memory,
        now,
        lead,
        fleet,
        buffer(policy, memory, fleet.sessions, lead, drifting, usual, part),
        _rising(policy, fleet, memory, ahead, now),
        drifting,
        bounds,
        freezes(policy, seen, fleet, memory, bounds, now),
        usual,
        part,
    )


def with_ruled(made: Case, workers: int) -> Case:
    """What the rules ask for now, remembered."""
    return replace(made, memory=replace(made.memory, ruled=made.memory.ruled.with_look(made.now, workers)))


def _rising(policy: PoolPolicy, fleet: Fleet, memory: Memory, ahead: float, now: float) -> float:
    """Within what a level has shown for hours, noise is no trend."""
    if not fleet.is_known:
        return 0.0
    looks = memory.demand.looks
    seen = rise(looks, memory.spread or 0.0, ahead) * fleet.unseen
    level = memory.demand.level_for(LEVEL_BAND) if seen > 0 else 0.0
    if level >= LEVEL_LEAST:
        room = memory.demand.maximum(now - level) - looks[-1][1]
        seen = min(room, max(0.0, seen - room)) if room > 0 else seen
    return max(seen, hidden(policy, fleet, memory, ahead))
