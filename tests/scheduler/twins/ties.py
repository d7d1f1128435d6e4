"""Among workers with equal room each store may take the one it likes: memory goes by a hash of the session, Redis by
the worker's id. An index that takes the other store's choice where it is as good as its own, and only there."""

from __future__ import annotations

from moorage.ids import WorkerId
from scheduler.io.memory.records import Worker
from scheduler.placement import Index, Plan, meets


class FollowingIndex(Index[Worker]):
    """`followed` is what the other store chose in the same step."""

    def __init__(self, soft_cap: float, workers: dict[WorkerId, Worker]) -> None:
        super().__init__(soft_cap)
        self._workers = workers
        self.followed: WorkerId | None = None

    def choose(self, plan: Plan, session: str) -> Worker | None:
        own = super().choose(plan, session)
        other = self._workers.get(self.followed) if self.followed is not None else None
        if own is None or other is None or not self._is_as_good(other, own, plan):
            return own
        return other

    @staticmethod
    def _is_as_good(other: Worker, own: Worker, plan: Plan) -> bool:
        if not other.is_open or not meets(other, plan.wanted) or (other.region, other.free) != (own.region, own.free):
            return False
        return plan.wanted.is_spread or _level(other) == _level(own)


def _level(worker: Worker) -> int:
    return 0 if not worker.used else 1 if worker.used < worker.soft else 2
