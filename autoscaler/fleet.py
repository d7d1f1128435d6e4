"""A pool's workers and members, matched and sorted once: what serves, what comes, what goes, what is missing.

It knows states and counts. It must not know what is wanted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from autoscaler.memory import Memory
from autoscaler.observation import MemberSeen, Observation, Phase, WorkerSeen
from moorage.ids import WorkerId
from scheduler.values import WorkerState

OVERDUE_LEADS = 3.0  # a member that takes so many lead times is not waited for
OVERDUE_LEAST = 60.0
READY_LEADS = 1.5  # a member that is ready has a worker by then,
READY_LEAST = 15.0  # or so long after one lead time: it serves where nobody sees it
_LIVE = (Phase.PENDING, Phase.RUNNING, Phase.FAILING)


@dataclass(slots=True)
class Fleet:
    """One pool at one moment. Filled by `survey`, read by the rest."""

    is_known: bool = True  # the registry could be read
    serving: list[WorkerSeen] = field(default_factory=list)
    suspect: list[WorkerSeen] = field(default_factory=list)
    ours: list[WorkerSeen] = field(default_factory=list)  # cordoned by the autoscaler: they can serve again at once
    set_aside: list[WorkerSeen] = field(default_factory=list)  # cordoned by an operator, or draining
    retired: list[WorkerSeen] = field(default_factory=list)
    starting: dict[str, float] = field(default_factory=dict)  # member: since when
    uncreated: int = 0  # replicas that have no member yet
    overdue: list[MemberSeen] = field(default_factory=list)  # started too long ago, or failing
    missing: list[MemberSeen] = field(default_factory=list)  # they run, and no worker is known for them
    carried: int = 0  # sessions that the missing had
    members: frozenset[str] = frozenset()  # those whose worker serves
    used: int = 0  # sessions on workers that serve or are suspect
    free: int = 0  # slots of workers that serve
    free_ours: int = 0  # slots of workers that the autoscaler cordoned
    used_ours: int = 0
    waiting: int = 0

    @property
    def sessions(self) -> int:
        """The demand: sessions on workers that serve or are suspect, and those that wait."""
        return self.used + self.waiting

    @property
    def coming(self) -> int:
        """Workers that were ordered and will serve."""
        return len(self.starting) + self.uncreated

    @property
    def open(self) -> int:
        """Workers that serve or will."""
        return len(self.serving) + len(self.suspect) + self.coming

    @property
    def unseen(self) -> float:
        """Workers there are for each one that is seen: what those show is a part of what happens."""
        seen = len(self.serving) + len(self.suspect) + len(self.ours)
        return 1.0 + len(self.missing) / seen if seen else 1.0


def survey(seen: Observation, memory: Memory, lead: float, now: float) -> Fleet:
    """Sorts what was seen. A worker of no member serves like any other, and is never removed."""
    fleet = Fleet(is_known=seen.workers is not None, waiting=max(0, seen.waiting))
    known = _sort_workers(fleet, seen.workers or (), memory.cordoned)
    if seen.target is not None:
        live = [member for member in seen.target.members if member.phase in _LIVE]
        for member in live if fleet.is_known else ():
            if known.get(member.member, WorkerState.STARTING) in (WorkerState.STARTING, WorkerState.LOST):
                _sort_member(fleet, member, memory, lead, now)
        fleet.uncreated = max(0, seen.target.replicas - len(live))
    return fleet


def _sort_workers(
    fleet: Fleet, workers: Collection[WorkerSeen], cordoned: frozenset[WorkerId]
) -> Mapping[str, WorkerState]:
    known: dict[str, WorkerState] = {}
    serving: list[str] = []
    for worker in workers:
        state = worker.state
        if worker.member is not None:
            known[worker.member] = state
        if state is WorkerState.SERVING:
            fleet.serving.append(worker)
            fleet.used += worker.used
            fleet.free += max(0, worker.slots - worker.used)
            if worker.member is not None:
                serving.append(worker.member)
        elif state is WorkerState.CORDONED and worker.worker in cordoned:
            fleet.ours.append(worker)
            fleet.used_ours += worker.used
            fleet.free_ours += max(0, worker.slots - worker.used)
        elif state is WorkerState.SUSPECT:
            _sort_suspect(fleet, worker, cordoned)
        elif state in (WorkerState.CORDONED, WorkerState.DRAINING):
            fleet.set_aside.append(worker)
        elif state is WorkerState.RETIRED:
            fleet.retired.append(worker)
    fleet.members = frozenset(serving)
    return known


def _sort_suspect(fleet: Fleet, worker: WorkerSeen, cordoned: frozenset[WorkerId]) -> None:
    if worker.worker in cordoned:
        fleet.used_ours += worker.used
        return
    fleet.suspect.append(worker)
    fleet.used += worker.used


def _sort_member(fleet: Fleet, member: MemberSeen, memory: Memory, lead: float, now: float) -> None:
    """A member without a worker that is alive: it starts, it is overdue, or it has one that is missing."""
    carried = memory.carried.get(member.member)
    ordered = memory.starting.get(member.member, member.created_at)
    age = now - ordered
    is_up = member.phase is Phase.RUNNING and member.is_ready
    if carried is not None or (is_up and age > max(READY_LEADS * lead, lead + READY_LEAST)):
        fleet.missing.append(member)
        fleet.carried += carried or 0
    elif member.phase is Phase.FAILING or age > max(OVERDUE_LEADS * lead, lead + OVERDUE_LEAST):
        fleet.overdue.append(member)
    else:
        fleet.starting[member.member] = ordered
