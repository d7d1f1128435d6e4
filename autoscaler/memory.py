"""What one decision leaves for the next one: measured facts and what was begun. Kept in the store as JSON, so that another
leader goes on where the last one stopped."""

from __future__ import annotations

from dataclasses import dataclass

from moorage.ids import WorkerId


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one pool. What is not known yet is empty."""

    cordoned: frozenset[WorkerId] = frozenset()  # by the autoscaler; a cordon that is not here is an operator's
