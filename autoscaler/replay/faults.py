"""What goes wrong with the view: each fault is a place between the pool and the eyes of the autoscaler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoscaler.observation import Observation, Sample
from autoscaler.replay.engine import Pool

NOTHING: Mapping[str, Sample] = {}


@dataclass(frozen=True, slots=True)
class Clear:
    """No fault, and no rules."""

    def samples(self, pool: Pool) -> Mapping[str, Sample]:
        """None are asked."""
        return NOTHING

    def seen(self, truth: Observation) -> Observation:
        """The truth."""
        return truth

    def can_write(self, now: float) -> bool:
        """Always."""
        return True

    def is_up(self, now: float) -> bool:
        """Always."""
        return True
