"""What one decision leaves for the next one: measured facts and what was begun. Kept in the store as JSON
(autoscaler.memories), so that another leader goes on where the last one stopped. Every part of it is bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.forecast import Seasons
from autoscaler.habits import Habits
from autoscaler.history import History
from autoscaler.pace import Pace
from moorage.ids import WorkerId


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one pool. What is not known yet is empty or None. Times are Unix seconds."""

    cordoned: frozenset[WorkerId] = frozenset()  # by the autoscaler; a cordon that is not here is an operator's
    empty_since: Mapping[WorkerId, float] = field(default_factory=dict)  # of those: since when each was seen empty
    watched_since: float | None = None  # without a gap
    seen_at: float | None = None
    workers: int = 0  # that should serve, as last decided
    replicas: int | None = None  # the target had when it was last read
    carried: Mapping[str, int] = field(default_factory=dict)  # member: sessions when its worker was last seen
    starting: Mapping[str, float] = field(default_factory=dict)  # member: when it was ordered
    ordered_at: float | None = None  # replicas were last raised
    leads: tuple[float, ...] = ()  # the last measured lead times
    demand: History = field(default_factory=History)  # sessions of the pool, those that wait, those of missing workers
    ruled: History = field(default_factory=History)  # workers that the rules asked for
    spread: float | None = None  # variance of the demand's change in a second
    pace: Pace = field(default_factory=Pace)
    seasons: Seasons = field(default_factory=Seasons)
    habits: Habits = field(default_factory=Habits)
