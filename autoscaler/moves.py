"""Which workers serve again, which get nothing new, and which go. It chooses; how many is decided elsewhere.

Serving again: the fullest first, since the emptier ones are nearer to their end. Nothing new: the emptiest first. Gone:
only a worker that the autoscaler cordoned, that no claim holds, and that was seen so at an earlier look already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from autoscaler.decision import Removal
from autoscaler.observation import WorkerSeen
from moorage.ids import WorkerId


def to_uncordon(ours: Sequence[WorkerSeen], slots: int, workers: int) -> list[WorkerSeen]:
    """Until so many slots and so many workers more serve."""
    chosen = []
    for worker in sorted(ours, key=lambda worker: (-worker.used, worker.joined_at, worker.worker)):
        if slots <= 0 and workers <= 0:
            break
        chosen.append(worker)
        slots -= worker.slots - worker.used
        workers -= 1
    return chosen


def to_cordon(
    serving: Sequence[WorkerSeen], spare_slots: int, most: int, *, whatever: bool = False
) -> list[WorkerSeen]:
    """At most so many, as long as their free slots can be spared; `whatever`: even where they cannot."""
    chosen: list[WorkerSeen] = []
    if most <= 0 or (spare_slots <= 0 and not whatever):
        return chosen
    removable = [worker for worker in serving if worker.member is not None]
    for worker in sorted(removable, key=lambda worker: (worker.used, -worker.joined_at, worker.worker)):
        spare_slots -= worker.slots - worker.used
        if len(chosen) >= most or (spare_slots < 0 and not whatever):
            break
        chosen.append(worker)
    return chosen


def to_retire(
    ours: Iterable[WorkerSeen],
    retired: Iterable[WorkerSeen],
    empty_since: Mapping[WorkerId, float],
    now: float,
    most: int,
) -> tuple[Removal, ...]:
    """Retired ones whose removal has not been seen yet come first and are beyond `most`: there is no way back for them."""
    begun = [
        Removal(worker.worker, worker.member) for worker in retired if worker.member is not None and not worker.used
    ]
    empty = [
        worker
        for worker in ours
        if not worker.used and worker.member is not None and empty_since.get(worker.worker, now) < now
    ]
    empty.sort(key=lambda worker: (empty_since[worker.worker], worker.worker))
    chosen = [Removal(worker.worker, worker.member) for worker in empty[: max(0, most)] if worker.member is not None]
    return (*begun, *chosen)
