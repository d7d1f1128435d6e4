"""What is counted in a run, and how two runs are added: the pools of one trace make one line of the table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

REVERSAL_WITHIN = 900.0
"""A write of replicas in the other direction than the last one, so soon after it, is a reversal."""

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Write:
    """Replicas that were written, by whom does not matter."""

    at: float
    was: int
    now: int


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one pool, or of several, between the end of the warm-up and the end of the trace."""

    seconds: float = 0.0
    slots: int = 1  # of one pod
    sessions: int = 0  # that came
    cut: int = 0  # while they ran, because their pod was taken away
    rejected: int = 0  # after they had waited
    waited: int = 0  # in the admission queue, for however short
    pod_seconds: float = 0.0  # of each pod from its creation to its removal: starting and terminating ones too
    slot_seconds: float = 0.0  # of sessions that were served
    writes: int = 0
    reversals: int = 0
    turns: int = 0  # writes in the other direction than the last one, however long ago
    peak_pods: int = 0
    unserved_until: float = 0.0  # the last moment at which anybody waited; 0: nobody did

    @property
    def pod_hours(self) -> float:
        """What is paid."""
        return self.pod_seconds / 3600.0

    @property
    def rejected_percent(self) -> float:
        """Of the sessions that came."""
        return 100.0 * self.rejected / self.sessions if self.sessions else 0.0

    @property
    def utilisation(self) -> float:
        """Slots in use of slots that are paid for, 0 to 1."""
        return self.slot_seconds / (self.pod_seconds * self.slots) if self.pod_seconds else 0.0

    def per_day(self, count: int) -> float:
        """A count of this run as so many a day."""
        return count * DAY / self.seconds if self.seconds else 0.0


def together(parts: Sequence[Measures]) -> Measures:
    """Pools that ran beside each other: counts add up, the time stays that of the longest."""
    return _added(parts, max(part.seconds for part in parts))


def one_after_another(parts: Sequence[Measures]) -> Measures:
    """Runs of several seeds: counts and times add up."""
    return _added(parts, sum(part.seconds for part in parts))


def _added(parts: Sequence[Measures], seconds: float) -> Measures:
    return Measures(
        seconds=seconds,
        slots=parts[0].slots,
        sessions=sum(part.sessions for part in parts),
        cut=sum(part.cut for part in parts),
        rejected=sum(part.rejected for part in parts),
        waited=sum(part.waited for part in parts),
        pod_seconds=sum(part.pod_seconds for part in parts),
        slot_seconds=sum(part.slot_seconds for part in parts),
        writes=sum(part.writes for part in parts),
        reversals=sum(part.reversals for part in parts),
        turns=sum(part.turns for part in parts),
        peak_pods=max(part.peak_pods for part in parts),
        unserved_until=max(part.unserved_until for part in parts),
    )


def turns(writes: Iterable[Write]) -> tuple[int, int]:
    """(changes of direction within REVERSAL_WITHIN of the last write, changes of direction in all)."""
    soon = every = 0
    last: Write | None = None
    for write in writes:
        if last is not None and (write.now > write.was) != (last.now > last.was):
            every += 1
            soon += write.at - last.at <= REVERSAL_WITHIN
        last = write
    return soon, every
