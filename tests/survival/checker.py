"""Judges a history: what every storm must leave behind, whatever happened in it.

Pure: knows facts and views, no process and no store. Each rule is a function from a history to its violations; the rules are in
`slots`, `records` and `clients`. The checker is itself tested against planted faults (test_checker.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tests.survival import clients, records, slots
from tests.survival.history import Connected, Cut, Echoed, GaveUp, History, Injected, Refused
from tests.survival.verdicts import Bounds, Rule, Violation

RULES = (*slots.RULES, *records.RULES, *clients.RULES)


def check(history: History, bounds: Bounds | None = None) -> list[Violation]:
    """Every violation; an empty list is a history as it should be."""
    return [violation for rule in RULES for violation in rule(history, bounds or Bounds())]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a storm was, in figures."""

    seed: int
    faults: int
    by_fault: dict[str, int]
    sessions: int
    attaches: int
    echoes: int
    cuts: int
    refusals: dict[str, int]
    gave_up: int
    end_records: int
    outcomes: dict[str, int]
    live: int
    over_grants: int
    stuck_clients: int
    violations: int

    def __str__(self) -> str:
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.by_fault.items()))
        ended = ", ".join(f"{count} {name}" for name, count in sorted(self.outcomes.items())) or "none"
        refused = ", ".join(f"{count} {code}" for code, count in sorted(self.refusals.items())) or "none"
        return (
            f"seed {self.seed}: {self.faults} faults ({faults or 'none'}); {self.sessions} sessions, {self.attaches} attaches, "
            f"{self.echoes} echoes, {self.cuts} cuts, refusals: {refused}, {self.gave_up} gave up; "
            f"{self.end_records} end records ({ended}), {self.live} live; {self.over_grants} over-grants, "
            f"{self.stuck_clients} stuck clients, {self.violations} violations"
        )


def summary(history: History, violations: list[Violation]) -> Summary:
    """The figures of a storm, as people want to read them."""
    kinds = Counter(type(fact) for fact in history.facts)
    faults = Counter(fact.fault for fact in history.facts if isinstance(fact, Injected))
    rules = Counter(violation.rule for violation in violations)
    return Summary(
        seed=history.seed,
        faults=faults.total(),
        by_fault=dict(faults),
        sessions=len({fact.session for fact in history.facts if isinstance(fact, Connected)}),
        attaches=kinds[Connected],
        echoes=kinds[Echoed],
        cuts=kinds[Cut],
        refusals=dict(Counter(fact.code for fact in history.facts if isinstance(fact, Refused))),
        gave_up=kinds[GaveUp],
        end_records=len(history.final.ends),
        outcomes=dict(Counter(f"{end.outcome} by {end.by}" for end in history.final.ends)),
        live=len(history.final.sessions),
        over_grants=rules[Rule.OVER_GRANT],
        stuck_clients=rules[Rule.STUCK],
        violations=len(violations),
    )
