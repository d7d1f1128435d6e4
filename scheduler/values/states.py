"""What a worker, a claim and an ended session can be."""

from __future__ import annotations

from enum import Enum


class WorkerState(Enum):
    """What a worker may be given. scheduler/workers.py holds the table of changes."""

    STARTING = "starting"  # registered over REST, not yet ready
    SERVING = "serving"
    SUSPECT = "suspect"  # silent for SUSPECT_AFTER, or three sessions could not reach it: nothing new
    CORDONED = "cordoned"  # an operator said: nothing new
    DRAINING = "draining"  # nothing new, and what is there moves away at the deadline
    RETIRED = "retired"  # empty for ever
    LOST = "lost"  # silent for WORKER_LOST_AFTER; may come back by registering


class ClaimState(Enum):
    """A session's hold on its slot. scheduler/claims.py holds the table of changes."""

    RESERVED = "reserved"
    HELD = "held"
    SUSPENDED = "suspended"
    ENDED = "ended"


class Outcome(Enum):
    """A session's final status."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
