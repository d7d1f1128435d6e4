"""What a drain empties: one worker or gateway, or a place and whatever is there. Looked up, since there may be thousands of
drains and of workers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from scheduler.values import DrainKind, DrainPlan, GatewayView, WorkerState, WorkerView

Target = tuple[DrainKind, *tuple[str | None, ...]]
"""What a drain empties."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The fleet at one instant. Gateways are only looked at where a drain is about one."""

    workers: Sequence[WorkerView]
    gateways: Sequence[GatewayView] = ()


@dataclass(slots=True)
class Place:
    """What a drain empties, as it is."""

    sessions: int = 0
    is_shut: bool = True  # no other can come
    is_held: bool = False  # something there is drained or cordoned

    def add(self, sessions: int, *, is_shut: bool) -> None:
        """One more worker or gateway of it."""
        self.sessions += sessions
        self.is_shut &= is_shut
        self.is_held |= is_shut


def target_of(plan: DrainPlan) -> Target:
    """What it empties; equal for two drains of the same."""
    match plan.kind:
        case DrainKind.WORKER:
            return plan.kind, plan.worker
        case DrainKind.GATEWAY:
            return plan.kind, plan.gateway
        case DrainKind.POOL:
            return plan.kind, plan.region, plan.pool
        case DrainKind.REGION:
            return plan.kind, plan.region
        case _:
            assert_never(plan.kind)


class Coverage:
    """Which plans are about a worker: looked up, since there may be thousands of both."""

    def __init__(self, plans: Iterable[DrainPlan]) -> None:
        self._by_target: dict[Target, list[DrainPlan]] = {}
        for plan in plans:
            self._by_target.setdefault(target_of(plan), []).append(plan)

    def of(self, worker: WorkerView) -> list[DrainPlan]:
        """The most specific first."""
        return [plan for target in _targets_of(worker) for plan in self.at(target)]

    def at(self, target: Target) -> Sequence[DrainPlan]:
        """Those of exactly this."""
        return self._by_target.get(target, ())


class Places:
    """What drains could be about, counted once for all of them."""

    def __init__(self, seen: Seen) -> None:
        self._by_target: defaultdict[Target, Place] = defaultdict(Place)
        for worker in seen.workers:
            is_shut = worker.drain is not None or worker.state is WorkerState.RETIRED
            for target in _targets_of(worker):
                self._by_target[target].add(worker.used, is_shut=is_shut)
        for gateway in seen.gateways:
            target = (DrainKind.GATEWAY, gateway.gateway)
            self._by_target[target].add(gateway.sessions, is_shut=gateway.is_cordoned)

    def of(self, plan: DrainPlan) -> Place:
        """Nothing, where it is gone."""
        return self._by_target.get(target_of(plan)) or Place()


def _targets_of(worker: WorkerView) -> tuple[Target, ...]:
    return (
        (DrainKind.WORKER, worker.worker),
        (DrainKind.POOL, worker.region, worker.pool),
        (DrainKind.REGION, worker.region),
    )
