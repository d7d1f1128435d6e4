"""Every answer to "how many workers should serve", and what limits the largest."""

from __future__ import annotations

from autoscaler.case import Case
from autoscaler.decision import Candidate, Limit
from autoscaler.floors import from_rules, from_schedules
from autoscaler.need import supply, wanted


def from_sessions(case: Case) -> list[Candidate]:
    """What the registry says: now, with the trend, and with the forecast. Where it cannot be read: as last decided."""
    fleet, policy = case.fleet, case.policy
    if not fleet.is_known:
        return [Candidate("last", case.memory.workers, "as last decided: the registry cannot be read")]
    keep = case.keep
    sum_ = f"{fleet.sessions} sessions, {supply(fleet, policy.slots)} free or coming, {keep.low} to {keep.high} to keep"
    found = [Candidate("registry", wanted(fleet, keep, policy.slots), sum_)]
    usual = case.usual.sessions
    if case.rising > 0:
        workers = wanted(fleet, keep, policy.slots, case.rising, (usual or 0.0) - fleet.sessions)
        found.append(Candidate("trend", workers, f"{case.rising:.0f} more sessions within {case.lead:.0f} s; {sum_}"))
    if policy.uses_forecast and usual is not None and usual > fleet.sessions:
        workers = wanted(fleet, keep, policy.slots, usual - fleet.sessions)
        found.append(Candidate("forecast", workers, f"{usual:.0f} sessions usually; {sum_}"))
    return found


def floors(case: Case) -> list[Candidate]:
    """What holds whatever the registry says."""
    policy = case.policy
    found = [Candidate("minimum", policy.minimum, "of the policy")]
    found.extend(from_schedules(policy.schedules, case.now))
    found.extend(from_rules(policy.rules, case.seen.samples))
    if case.bounds.floor is not None:
        found.append(case.bounds.floor)
    return found


def limited(case: Case, workers: int) -> tuple[int, list[Limit]]:
    """At most what a request and the maximum leave; a request does not go below the minimum, nothing above the maximum."""
    limits = []
    ceiling = case.bounds.ceiling
    if ceiling is not None and workers > max(case.policy.minimum, ceiling.workers):
        workers = max(case.policy.minimum, ceiling.workers)
        limits.append(Limit(ceiling.source, workers, ceiling.detail))
    if workers > case.policy.maximum:
        workers = case.policy.maximum
        limits.append(Limit("maximum", workers, "of the policy"))
    return workers, limits
