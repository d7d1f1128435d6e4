"""What a checker says of a history, and the bounds it judges by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from moorage.deadlines import GATEWAY_LOST_AFTER, RESUME, WORKER_LOST_AFTER


class Rule(Enum):
    """What holds after every storm."""

    SLOTS = "slots used are live claims"
    OVER_GRANT = "no worker has more sessions than slots"
    ONE_END = "a session that started is live or has exactly one end record"
    EVENT_ORDER = "events of a session come in order, and none after its end"
    SOCKET = "no client's socket without its worker"
    STUCK = "no client waits without an answer or a close"
    CUT = "nobody is cut but by the loss of their own gateway or worker"
    USAGE = "a record says what was carried, or that it is an estimate"
    TYPED = "every refusal has a type"

    @property
    def is_of_the_past(self) -> bool:
        """Whether it is about what happened, which no waiting changes; else about how things stand."""
        return self in (Rule.CUT, Rule.STUCK, Rule.TYPED, Rule.EVENT_ORDER, Rule.USAGE)


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule."""

    rule: Rule
    subject: str  # a session, a worker
    said: str

    def __str__(self) -> str:
        return f"{self.rule.name} {self.subject}: {self.said}"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long what may take, in seconds."""

    resume: float = RESUME
    answer: float = (
        2 * WORKER_LOST_AFTER + 5
    )  # where most of a region is silent, its workers are lost only after twice that
    reach: float = GATEWAY_LOST_AFTER + 5  # a fault that is over may still cut somebody so much later
    skew: float = 2.0  # two sessions may overlap in one slot so long: one worker hears of an end later than the store


TYPES_OF_OURS = "INTERNAL", "PROTOCOL_ERROR"
"""Codes that stand for a bug: nobody may hear them."""
