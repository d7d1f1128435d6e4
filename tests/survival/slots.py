"""Rules of slots: the store's books agree with its claims, and no worker ever had more sessions than slots."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.survival.history import Aboard, History, Injected
from tests.survival.verdicts import Bounds, Rule, Violation


def used_slots_are_live_claims(history: History, bounds: Bounds) -> Iterator[Violation]:
    """Worker by worker and state by state."""
    claims = Counter((seen.worker, seen.state) for seen in history.final.sessions)
    names = {worker.name for worker in history.final.workers}
    for worker in history.final.workers:
        shown = (worker.reserved, worker.held, worker.suspended)
        live = tuple(claims[worker.name, state] for state in ("reserved", "held", "suspended"))
        if shown != live:
            said = f"shows (reserved, held, suspended) = {shown}, its live sessions are {live}"
            yield Violation(Rule.SLOTS, worker.name, said)
        if sum(shown) > worker.slots:
            yield Violation(Rule.OVER_GRANT, worker.name, f"{sum(shown)} of {worker.slots} slots are taken")
    for seen in history.final.sessions:
        if seen.worker not in names:
            yield Violation(Rule.SLOTS, seen.session, f"is on {seen.worker}, which the store does not show")


def no_worker_had_more_sessions_than_slots(history: History, bounds: Bounds) -> Iterator[Violation]:
    """By the workers' own overlapping intervals: whatever the store believes."""
    attached: dict[str, dict[str, float]] = defaultdict(dict)
    over_since: dict[str, float] = {}
    told: set[str] = set()
    for fact in history.facts:
        if isinstance(fact, Injected) and fact.fault == "killed":
            attached.pop(fact.target, None)
            over_since.pop(fact.target, None)
        if not isinstance(fact, Aboard) or fact.worker not in history.slots:
            continue
        mine, slots = attached[fact.worker], history.slots[fact.worker]
        was_over = len(mine) > slots
        if was_over and fact.at - over_since[fact.worker] > bounds.skew and fact.worker not in told:
            told.add(fact.worker)
            yield _over(fact.worker, len(mine), slots, over_since[fact.worker])
        _board(mine, fact)
        if len(mine) > slots and not was_over:
            over_since[fact.worker] = fact.at
    for worker, mine in attached.items():
        is_over = len(mine) > history.slots[worker] and history.final.at - over_since[worker] > bounds.skew
        if is_over and worker not in told:
            yield _over(worker, len(mine), history.slots[worker], over_since[worker])


def _board(mine: dict[str, float], fact: Aboard) -> None:
    if fact.is_attached:
        mine[fact.session] = fact.at
    else:
        mine.pop(fact.session, None)


def _over(worker: str, count: int, slots: int, since: float) -> Violation:
    return Violation(Rule.OVER_GRANT, worker, f"had {count} sessions attached on {slots} slots, from {since:.3f} on")


RULES = (used_slots_are_live_claims, no_worker_had_more_sessions_than_slots)
