"""Candidates that do not come from sessions: the minimum, rules, schedules, and what operators ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from autoscaler.decision import Candidate
from autoscaler.observation import Health, Sample
from autoscaler.policy import Rule, Schedule
from autoscaler.schedules import in_force
from scheduler.values import ScaleAction, ScaleRequest

MOST = 1_000_000  # a query that answers with more is wrong; no pool has so many


@dataclass(frozen=True, slots=True)
class Bounds:
    """What requests leave: no fewer, no more, or neither."""

    floor: Candidate | None = None
    ceiling: Candidate | None = None
    hold: ScaleRequest | None = None


def from_rules(rules: Iterable[Rule], samples: Mapping[str, Sample]) -> list[Candidate]:
    """Of each rule that says something, also a stale one: it may raise."""
    candidates = []
    for rule in rules:
        sample = samples.get(rule.name)
        if sample is None or sample.health is Health.LOST or sample.value is None:
            continue
        workers = min(MOST, max(0, ceil(sample.value / rule.per_worker)))
        candidates.append(Candidate(f"rule:{rule.name}", workers, f"{sample.value:g} of {rule.per_worker:g} a worker"))
    return candidates


def from_schedules(schedules: Iterable[Schedule], now: float) -> list[Candidate]:
    """Of each schedule whose span this is."""
    return [
        Candidate(f"schedule:{schedule.name}", schedule.workers, f"{schedule.cron} {schedule.time_zone}")
        for schedule in schedules
        if in_force(schedule, now)
    ]


def from_requests(requests: Iterable[ScaleRequest], now: float) -> Bounds:
    """The highest floor and the lowest ceiling; where they contradict each other the newest request has it, also against a
    hold: that one freezes again when the newer request is over."""
    live = sorted(
        (request for request in requests if request.expires_at > now),
        key=lambda request: (request.created_at, request.id),
    )
    bounds = Bounds()
    for request in live:
        own = Candidate(
            f"request:{request.id}", request.workers, f"{request.action.value} by {request.by}: {request.reason[:200]}"
        )
        floor, ceiling, hold = bounds.floor, bounds.ceiling, bounds.hold
        if request.floor is not None and (floor is None or request.floor > floor.workers):
            floor = own
        if request.ceiling is not None and (ceiling is None or request.ceiling < ceiling.workers):
            ceiling = own
        if floor is not None and ceiling is not None and floor.workers > ceiling.workers:
            floor = own if request.floor is not None else None
            ceiling = own if request.ceiling is not None else None
            hold = None
        if request.action is ScaleAction.HOLD:
            hold = request
        bounds = Bounds(floor, ceiling, hold)
    return bounds
