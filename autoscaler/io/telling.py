"""What a pool leaves behind of its looks: its status on the board, decision records, and what only two looks together show."""

from __future__ import annotations

import asyncio

import structlog

from autoscaler.decision import Decision
from autoscaler.io.metrics import AutoscalerMetrics
from autoscaler.observation import Freeze, Observation, WorkerSeen
from autoscaler.observing import Place
from autoscaler.policy import LocalTarget, PoolPolicy
from autoscaler.records import Carried, record_of
from moorage.ids import WorkerId
from scheduler.store import Store, Unavailable
from scheduler.values import PoolStatus, WorkerState

RECORD_EVERY = 60.0
STATUS_LOOKS = 4  # a status holds for so many looks,
STATUS_SECONDS = 15.0  # and at least so long
_FROZEN_SHOWN = 20  # on the board; the record of the decision has a hundred
ANSWER_WITHIN = 2.0
_GONE = frozenset({WorkerState.LOST, WorkerState.RETIRED})
_log = structlog.get_logger("moorage.autoscaler")


class Telling:
    """Of one pool."""

    def __init__(self, store: Store, metrics: AutoscalerMetrics, place: Place) -> None:
        self._store = store
        self._metrics = metrics
        self._place = place
        self._recorded_at = -RECORD_EVERY
        self._workers: dict[WorkerId, WorkerSeen] = {}
        self._started: set[str] = set()
        self._removed: set[str] = set()
        self._direction = 0
        self._has_wrong_victim = False

    def watch(self, seen: Observation) -> None:
        """What this look shows against the one before."""
        if seen.workers is not None:
            self._watch_cuts(seen, seen.workers)
            self._watch_starts(seen, seen.workers)
        problems = seen.target.problems if seen.target is not None else ()
        has_wrong_victim = any(problem.freeze is Freeze.WRONG_VICTIM for problem in problems)
        if has_wrong_victim and not self._has_wrong_victim:
            self._metrics.wrong_victim(self._place)
        self._has_wrong_victim = has_wrong_victim

    async def tell(self, policy: PoolPolicy, seen: Observation, decision: Decision, carried: Carried) -> None:
        """To the log, to the metrics and to the store. A store that cannot be reached does not hear of it."""
        self._note(seen, decision, carried)
        clock = asyncio.get_running_loop().time
        is_due = carried.is_change or bool(carried.troubles) or clock() >= self._recorded_at + RECORD_EVERY
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._store.publish_pool(status_of(policy, decision))
                if is_due:
                    await self._store.record_decision(record_of(seen, decision, carried))
                    self._recorded_at = clock()
        except (Unavailable, TimeoutError):
            self._metrics.unpublished(self._place)

    def _note(self, seen: Observation, decision: Decision, carried: Carried) -> None:
        region, pool = self._place
        self._removed |= {removal.member for removal in carried.removed}
        for trouble in carried.troubles:
            _log.warning("step_refused", region=region, pool=pool, detail=trouble)
        if not carried.is_change:
            return
        was = seen.target.replicas if seen.target is not None else None
        if carried.replicas is not None and was is not None and carried.replicas != was:
            self._turned(1 if carried.replicas > was else -1)
        _log.info(
            "pool_scaled",
            region=region,
            pool=pool,
            was=was,
            replicas=carried.replicas,
            uncordoned=len(carried.uncordoned),
            cordoned=len(carried.cordoned),
            removed=len(carried.removed),
            winner=decision.winner,
            reason=decision.reason,
        )

    def _turned(self, direction: int) -> None:
        if self._direction == -direction:
            self._metrics.reversed(self._place)
        self._direction = direction

    def _watch_cuts(self, seen: Observation, workers: tuple[WorkerSeen, ...]) -> None:
        """Sessions that were on a worker when it went: by us, with its member, or by itself."""
        now = {worker.worker: worker for worker in workers}
        members = None if seen.target is None else {member.member for member in seen.target.members}
        for worker, before in self._workers.items():
            after = now.get(worker)
            if before.used and before.state not in _GONE and (after is None or after.state is WorkerState.LOST):
                self._metrics.cut(self._place, self._cause(before, members), before.used)
        self._workers = now

    def _cause(self, worker: WorkerSeen, members: set[str] | None) -> str:
        if worker.member in self._removed:
            return "scale_in"
        if worker.member is not None and members is not None and worker.member not in members:
            return "member_gone"
        return "worker_lost"

    def _watch_starts(self, seen: Observation, workers: tuple[WorkerSeen, ...]) -> None:
        if seen.target is None:
            return
        made = {member.member: member.created_at for member in seen.target.members}
        joined = {worker.member: worker.joined_at for worker in workers if worker.member is not None}
        for member, at in joined.items():
            if member in made and member not in self._started:
                self._metrics.started(self._place, max(0.0, at - made[member]))
        self._started = set(joined)
        self._removed &= set(made) | set(joined)


def status_of(policy: PoolPolicy, decision: Decision) -> PoolStatus:
    """For the board: what gateways need to let sessions wait, and what people see."""
    return PoolStatus(
        region=policy.region,
        pool=policy.pool,
        target="local" if isinstance(policy.target, LocalTarget) else "kubernetes",
        minimum=policy.minimum,
        maximum=policy.maximum,
        slots_per_worker=policy.slots,
        labels=policy.labels,
        desired=decision.desired,
        serving=decision.serving,
        starting=decision.starting,
        draining=decision.draining,
        lead_seconds=decision.lead_seconds,
        frozen=tuple(f"{each.freeze.value}: {each.detail}" for each in decision.frozen[:_FROZEN_SHOWN]),
        at=decision.at,
        until=decision.at + max(STATUS_SECONDS, STATUS_LOOKS * policy.every),
    )
