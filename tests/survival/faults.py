"""Harm as intervals: from a fault's injection to its healing, and whom it touches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from moorage.deadlines import SUSPECT_AFTER
from tests.survival.history import Healed, History, Injected, Paused

MACHINE = "machine"
CUTTING = ("killed", "stopped", "cut")
"""What takes a gateway or a worker away from its clients. A stepped clock, a full or lost store do not."""


@dataclass(frozen=True, slots=True)
class Harm:
    """One fault. `target` is a program, or `<program>:store`, `<program>:link` for what lies between two."""

    fault: str
    target: str
    since: float
    until: float  # inf: never healed, as a worker that was killed for good

    def is_of(self, kind: str) -> bool:
        """Whether a program of this kind was taken away."""
        return self.fault in CUTTING and self.target.startswith(f"{kind}-") and not self.target.endswith(":store")

    def cuts(self, programs: Sequence[str]) -> bool:
        """Whether clients of one of these may lose their connection by it: a cut between a gateway and its store is no cause. A
        machine that stands still for long takes leases and answers from all."""
        if self.target == MACHINE:
            return self.until - self.since >= SUSPECT_AFTER
        program, _, where = self.target.partition(":")
        return self.fault in CUTTING and program in programs and where in ("", "link")

    def stands_still(self, program: str) -> bool:
        """Whether the program could answer nobody meanwhile."""
        return self.fault == "stopped" and self.target in (program, MACHINE)

    def is_near(self, at: float, reach: float) -> bool:
        """Whether something at that time may have come of it."""
        until = self.since if self.until == inf else self.until
        return self.since <= at <= until + reach

    def overlap(self, since: float, until: float) -> float:
        """Seconds of an interval in which it lasted."""
        return max(0.0, min(until, self.until) - max(since, self.since))


def harms(history: History) -> list[Harm]:
    """All of a history."""
    found: list[Harm] = []
    begun: dict[tuple[str, str], float] = {}
    for fact in history.facts:
        if isinstance(fact, Paused):
            found.append(Harm("stopped", MACHINE, fact.at - fact.seconds, fact.at))
        elif isinstance(fact, Injected):
            begun[fact.fault, fact.target] = fact.at
        elif isinstance(fact, Healed):
            since = begun.pop((fact.fault, fact.target), None)
            if since is not None:
                found.append(Harm(fact.fault, fact.target, since, fact.at))
    return found + [Harm(fault, target, since, inf) for (fault, target), since in begun.items()]
