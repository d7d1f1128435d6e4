"""How one pool is scaled: validated data with one set of defaults for every kind of load.

Seconds unless a name says otherwise. `autoscaler.policies` reads these from TOML and says which field is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from scheduler.values import Labels

MOST_PROCESSES = 256  # of one pool on one machine: more is a mistake, not a laptop


class RemovalMode(Enum):
    """How a target is told which member goes."""

    COST = "cost"  # pod-deletion-cost, settle, look again, lower replicas, verify
    EXACT = "exact"  # delete the pod by uid and resourceVersion, then lower replicas
    DETACH = "detach"  # take the pod out of the ReplicaSet by its labels, lower replicas, then delete it


@dataclass(frozen=True, slots=True)
class KubernetesTarget:
    """Anything with a /scale."""

    namespace: str
    name: str
    kind: str = "Deployment"  # or StatefulSet, or "<plural>.<group>/<version>"
    removal: RemovalMode = RemovalMode.COST


@dataclass(frozen=True, slots=True)
class LocalTarget:
    """Worker processes on this machine."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A PromQL query whose answer is a number of sessions (or of anything that `per_worker` divides)."""

    name: str
    query: str
    per_worker: float  # how much of it one worker serves
    stale_after: float = 60.0  # age of the sample
    lost_after: float = 300.0
    age_query: str = ""  # gives the newest sample's time, as max(timestamp(…)); without it an answer counts as fresh
    coverage_query: str = ""  # gives the part of what should have been seen that was, 0..1
    coverage_least: float = 0.9  # with less the rule may raise and never lower


@dataclass(frozen=True, slots=True)
class Schedule:
    """No fewer than `workers` from each moment of the cron expression on, for so long."""

    name: str
    cron: str  # five fields: minute hour day month weekday
    time_zone: str  # IANA name
    duration: float
    workers: int


@dataclass(frozen=True, slots=True)
class PoolPolicy:
    """One pool. The defaults are those that `python -m bench replay` is run with."""

    region: str
    pool: str
    target: KubernetesTarget | LocalTarget
    slots: int  # of one worker
    labels: Labels = frozenset()
    minimum: int = 1
    maximum: int = 100

    every: float = 5.0  # between two looks
    buffer_slots: int = 2  # free at any time: the largest of these three
    buffer_percent: float = 0.0  # of the demand
    buffer_sigmas: float = 2.0  # of what comes within the lead time
    patience: float = 10.0  # a session waits so long for a slot: less than that need not be kept free
    lead_seconds: float = 60.0  # from replicas to a worker that serves, until it has been measured
    down_window: float = 900.0  # the shortest: a worker goes when the maximum over so long would allow it
    down_every: float = 300.0  # between two removals, unless much is to go
    settle_seconds: float = 120.0  # of watching before anything is lowered
    reversals_per_day: int = 20
    remove_at_once: int = 10  # workers cordoned and not gone yet; a quarter of the workers where that is more
    uses_forecast: bool = False
    rules: tuple[Rule, ...] = ()
    schedules: tuple[Schedule, ...] = ()
