"""What forbids a change now, and in which direction."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.decision import Frozen
from autoscaler.fleet import Fleet
from autoscaler.floors import Bounds
from autoscaler.history import MINUTES
from autoscaler.memory import Memory
from autoscaler.observation import Freeze, Health, Observation, Problem
from autoscaler.pace import reversals_today
from autoscaler.policy import PoolPolicy

CALM = 3600.0  # without a reversal: then the budget no longer forbids to lower


@dataclass(frozen=True, slots=True)
class Freezes:
    """All in force. `blocks_up`: replicas are not raised; `blocks_down`: nothing is cordoned, retired or removed.
    `blocks_spare`: nothing is because it is not needed; what is above a ceiling or the maximum goes."""

    all: tuple[Frozen, ...] = ()
    blocks_up: bool = False
    blocks_down: bool = False
    blocks_spare: bool = False


def freezes(policy: PoolPolicy, seen: Observation, fleet: Fleet, memory: Memory, bounds: Bounds, now: float) -> Freezes:
    """Most of them forbid only the way down."""
    found = [*_of_signals(policy, seen, fleet), *_of_time(policy, memory, now)]
    unknown = _of_history(policy, memory, now)
    blocks_up, blocking = False, list[Problem]()
    if seen.target is None:
        blocks_up = True
        found.append(Frozen(Freeze.TARGET, "replicas and members of the target cannot be read"))
    else:
        blocking = [problem for problem in seen.target.problems if problem.blocks_up or problem.blocks_down]
        found.extend(Frozen(problem.freeze, problem.detail) for problem in blocking)
        blocks_up = any(problem.blocks_up for problem in blocking)
    if bounds.hold is not None:
        blocks_up = True
        found.append(Frozen(Freeze.REQUEST, f"held by {bounds.hold.by}: {bounds.hold.reason[:200]}"))
    down = seen.target is None or any(problem.blocks_down for problem in seen.target.problems)
    others = len(found) - len(blocking)
    shown = () if any(each.freeze is Freeze.SETTLING for each in found) else unknown
    return Freezes((*found, *shown), blocks_up, down or others > 0, bool(unknown))


def _of_signals(policy: PoolPolicy, seen: Observation, fleet: Fleet) -> list[Frozen]:
    found = []
    if not fleet.is_known:
        found.append(Frozen(Freeze.REGISTRY, "the registry of workers cannot be read"))
    for rule in policy.rules:
        sample = seen.samples.get(rule.name)
        if sample is None:
            found.append(Frozen(Freeze.SIGNAL, f"rule {rule.name}: not asked yet"))
        elif sample.health is not Health.OK:
            found.append(Frozen(Freeze.SIGNAL, f"rule {rule.name} is {sample.health.value}: {sample.detail}"))
    if fleet.missing:
        names = ", ".join(member.name for member in fleet.missing[:3])
        found.append(
            Frozen(Freeze.COVERAGE, f"{len(fleet.missing)} members run and no worker is known for them: {names}")
        )
    return found


def _of_time(policy: PoolPolicy, memory: Memory, now: float) -> list[Frozen]:
    found = []
    watched = now - memory.watched_since if memory.watched_since is not None else 0.0
    if watched < policy.settle_seconds:
        found.append(Frozen(Freeze.SETTLING, f"watched for {watched:.0f} of {policy.settle_seconds:.0f} s"))
    reversals = reversals_today(memory.pace, now)
    if 0 < reversals >= policy.reversals_per_day and now - memory.pace.reversals[-1] < CALM:
        found.append(Frozen(Freeze.FLAPPING, f"{reversals} reversals within 24 h"))
    return found


def _of_history(policy: PoolPolicy, memory: Memory, now: float) -> list[Frozen]:
    """Nobody knows yet how many sessions there were within the window."""
    known = now - memory.demand.minutes[0][0] if memory.demand.minutes else 0.0
    if known >= min(policy.down_window, MINUTES * 60.0 / 2):
        return []
    return [Frozen(Freeze.SETTLING, f"the demand of {known:.0f} of {policy.down_window:.0f} s is known")]
