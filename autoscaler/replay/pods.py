"""What serves: one simulated pod, which is a worker of the registry once it has started."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from autoscaler.observation import MemberSeen, Phase, WorkerSeen
from moorage.ids import WorkerId
from scheduler.shelves import Spot
from scheduler.values import Labels, WorkerState

POOL = "replay"
NO_LABELS: Labels = frozenset()


class PodState(Enum):
    """A pod's life."""

    STARTING = "starting"
    SERVING = "serving"
    CORDONED = "cordoned"  # keeps its sessions, gets no new ones
    TERMINATING = "terminating"  # the platform told it to go: no new sessions, and a grace for those it has
    GONE = "gone"


class Pod(Spot):
    """A place of the real placement index, with a life. `number` counts from 1 in order of creation."""

    __slots__ = ("created_at", "known_member", "known_worker", "number", "ready_at", "state")

    def __init__(self, region: str, slots: int, number: int, created_at: float) -> None:
        super().__init__(region, POOL, NO_LABELS, slots)
        self.number = number
        self.created_at = created_at
        self.ready_at = 0.0
        self.state = PodState.STARTING
        self.known_member: MemberSeen | None = None  # as it was shown last; None: it changed
        self.known_worker: WorkerSeen | None = None

    def become(self, state: PodState) -> None:
        """The only way to change its state."""
        self.state = state
        self.known_member = self.known_worker = None

    @property
    def member(self) -> MemberSeen:
        """As the target shows it; the same object until it changes."""
        seen = self.known_member
        if seen is None:
            phase, name = _PHASES[self.state], f"pod-{self.number}"
            seen = self.known_member = MemberSeen(name, name, phase, phase is Phase.RUNNING, self.created_at)
        return seen

    @property
    def worker(self) -> WorkerSeen:
        """As the registry shows it; the same object until it changes."""
        seen = self.known_worker
        if seen is None or seen.used != self.used:
            worker = WorkerId(f"wrk_{self.number:026d}")
            name = f"pod-{self.number}"
            seen = self.known_worker = WorkerSeen(
                worker, _STATES[self.state], self.slots, self.used, self.ready_at, name
            )
        return seen


def registered(pods: Iterable[Pod]) -> tuple[WorkerSeen, ...]:
    """Those that have started, as the registry shows them. Called at each look: the loop is written out."""
    seen = []
    for pod in pods:
        worker = pod.known_worker
        if worker is not None and worker.used == pod.used:
            seen.append(worker)
        elif pod.state is not PodState.STARTING:
            seen.append(pod.worker)
    return tuple(seen)


_PHASES = {
    PodState.STARTING: Phase.PENDING,
    PodState.SERVING: Phase.RUNNING,
    PodState.CORDONED: Phase.RUNNING,
    PodState.TERMINATING: Phase.TERMINATING,
}
_STATES = {PodState.SERVING: WorkerState.SERVING, PodState.CORDONED: WorkerState.CORDONED}
