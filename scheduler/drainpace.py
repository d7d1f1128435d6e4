"""How many sessions each drain may tell now: its own rate, and one rate over all drains, shared evenly.

Credit grows with time and starts at nothing, so that a drainer that takes over from another tells nobody sooner than that
one would have. What is not spent is kept for half a second's worth: in any span of T seconds at most rate * (T + 0.5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor

from moorage.ids import GatewayId, WorkerId
from scheduler.draincover import Coverage, Seen
from scheduler.values import DrainKind, DrainPlan, DrainState

BURST_SECONDS = 0.5
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Pace:
    """What may be spent: by all together, and by each drain."""

    at: float | None = None
    credit: float = 0.0
    credits: Mapping[str, float] = field(default_factory=dict)
    last: str = ""  # whose turn was the last: the next share begins behind it


@dataclass(frozen=True, slots=True)
class Target:
    """A worker or a gateway whose sessions may be told."""

    of: WorkerId | GatewayId
    attached: int


def targets(plans: Sequence[DrainPlan], seen: Seen) -> dict[str, list[Target]]:
    """By drain past its deadline: where its sessions are, the fewest first, so that something is soon empty. A worker is
    the most specific drain's. A gateway's sessions stay while no other gateway would take them."""
    found: dict[str, list[Target]] = {plan.id: [] for plan in plans if plan.state is DrainState.MOVING}
    coverage = Coverage(plan for plan in plans if plan.state is DrainState.MOVING)
    for worker in sorted(seen.workers, key=lambda worker: worker.held):
        mine = coverage.of(worker) if worker.held else []
        if mine:
            found[mine[0].id].append(Target(worker.worker, worker.held))
    if not any(view.is_live and view.node and not view.is_cordoned for view in seen.gateways):
        return found
    attached = {view.gateway: view.sessions for view in seen.gateways}
    for plan in plans:
        if plan.id in found and plan.kind is DrainKind.GATEWAY and plan.gateway is not None:
            found[plan.id] = [Target(plan.gateway, attached.get(plan.gateway, 0))]
    return found


def accrued(pace: Pace, rates: Mapping[str, float], rate_of_all: float, now: float) -> Pace:
    """Time has passed. `rates` are those of the drains past their deadline, by id; others lose what they had."""
    elapsed = 0.0 if pace.at is None else max(0.0, now - pace.at)
    credits_ = {id_: _grown(pace.credits.get(id_, 0.0), rate, elapsed) for id_, rate in rates.items()}
    return replace(pace, at=now, credit=_grown(pace.credit, rate_of_all, elapsed), credits=credits_)


def allowed(pace: Pace, attached: Mapping[str, int]) -> tuple[dict[str, int], Pace]:
    """How many each drain may tell of those `attached` to what it empties. Nothing is spent yet, but turns are taken."""
    wanted = {id_: min(count, floor(pace.credits.get(id_, 0.0) + _ROUNDING)) for id_, count in attached.items()}
    given, last = _shares(wanted, floor(pace.credit + _ROUNDING), pace.last)
    return given, replace(pace, last=last)


def spent(pace: Pace, told: Mapping[str, int]) -> Pace:
    """Some were told; who was not there to be told costs nothing."""
    credits_ = {id_: credit - told.get(id_, 0) for id_, credit in pace.credits.items()}
    return replace(pace, credit=pace.credit - sum(told.values()), credits=credits_)


def _grown(credit: float, rate: float, elapsed: float) -> float:
    return min(credit + rate * elapsed, max(1.0, rate * BURST_SECONDS))


def _shares(wanted: Mapping[str, int], total: int, last: str) -> tuple[dict[str, int], str]:
    """The same for each, what one does not need to the others; single ones in turn, and whose turn was the last."""
    given: Counter[str] = Counter()
    turns = sorted((id_ for id_ in wanted if wanted[id_] > 0), key=lambda id_: (id_ <= last, id_))
    while total > 0 and turns:
        each = max(1, total // len(turns))
        for id_ in turns[:total]:
            more = min(each, wanted[id_] - given[id_], total)
            given[id_] += more
            total -= more
            last = id_
        turns = [id_ for id_ in turns if given[id_] < wanted[id_]]
    return {id_: given[id_] for id_ in wanted}, last
