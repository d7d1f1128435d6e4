"""A pool to decide about, moment by moment: workers with sessions, members, and a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from autoscaler.decide import decide
from autoscaler.decision import Decision
from autoscaler.memory import Memory
from autoscaler.observation import Freeze, MemberSeen, Observation, Phase, Problem, Sample, TargetSeen, WorkerSeen
from autoscaler.policy import LocalTarget, PoolPolicy
from moorage.ids import WorkerId
from scheduler.values import ScaleAction, ScaleRequest, WorkerState

NOW = 1_800_000_000.0
SLOTS = 8


def a_policy(**changes: object) -> PoolPolicy:
    """The defaults."""
    return replace(PoolPolicy("eu", "voice", LocalTarget(("worker",)), SLOTS), **changes)  # type: ignore[arg-type]  # fields


def a_worker(
    number: int, used: int = 0, state: WorkerState = WorkerState.SERVING, *, slots: int = SLOTS, member: bool = True
) -> WorkerSeen:
    """Worker `number` is member `m<number>`."""
    return WorkerSeen(WorkerId(f"wrk_{number}"), state, slots, used, NOW - 3600.0, f"m{number}" if member else None)


def a_member(
    number: int, phase: Phase = Phase.RUNNING, *, created_at: float = NOW - 3700.0, is_ready: bool = True
) -> MemberSeen:
    """Member `m<number>`."""
    return MemberSeen(f"m{number}", f"pod-{number}", phase, is_ready and phase is Phase.RUNNING, created_at)


def a_request(action: ScaleAction, workers: int, *, created_at: float = NOW, until: float = NOW + 1e6) -> ScaleRequest:
    """An operator's wish."""
    return ScaleRequest(
        f"{action.value}-{created_at:.0f}", action, "eu", "voice", workers, None, "a launch", "key", created_at, until
    )


@dataclass
class Timeline:
    """A pool that does what is decided: workers start after `start` seconds, sessions are where the test puts them."""

    policy: PoolPolicy = field(default_factory=a_policy)
    start: float = 60.0
    now: float = NOW
    memory: Memory = field(default_factory=Memory)
    workers: dict[int, WorkerSeen] = field(default_factory=dict)
    members: dict[int, MemberSeen] = field(default_factory=dict)
    replicas: int = 0
    waiting: int = 0
    samples: Mapping[str, Sample] = field(default_factory=dict)
    requests: tuple[ScaleRequest, ...] = ()
    problems: tuple[Problem, ...] = ()
    is_registry_up: bool = True
    is_target_up: bool = True
    written: list[tuple[float, int]] = field(default_factory=list)  # replicas, and when
    removed: list[int] = field(default_factory=list)
    last: Decision | None = None

    def serve(self, *used: int) -> Timeline:
        """So many workers, each with so many sessions; those there are stay what they are."""
        for number, sessions in enumerate(used, start=1):
            worker = self.workers.get(number, a_worker(number))
            self.workers[number] = replace(worker, used=sessions)
            self.members.setdefault(number, a_member(number))
        self.replicas = max(self.replicas, len(self.members))
        return self

    def spread(self, sessions: int) -> Timeline:
        """So many sessions, packed onto the workers that may take them; the rest waits."""
        for number, worker in self.workers.items():
            takes = sessions if worker.state is WorkerState.SERVING else 0
            used = min(worker.slots, takes)
            self.workers[number] = replace(worker, used=used)
            sessions -= used
        self.waiting = sessions
        return self

    def seen(self) -> Observation:
        """What the autoscaler sees now."""
        target = TargetSeen(self.replicas, tuple(self.members.values()), self.problems) if self.is_target_up else None
        workers = tuple(self.workers.values()) if self.is_registry_up else None
        return Observation("eu", "voice", workers, self.waiting, target, self.samples, self.requests)

    def look(self) -> Decision:
        """One look, and what comes of it."""
        self._start_members()
        decision, self.memory = decide(self.policy, self.seen(), self.memory, self.now)
        self._carry_out(decision)
        self.last = decision
        return decision

    def run(self, seconds: float) -> Decision:
        """Looks every `every` seconds; the last decision."""
        end = self.now + seconds
        decision = self.look()
        while self.now < end:
            self.now += self.policy.every
            decision = self.look()
        return decision

    def _start_members(self) -> None:
        for number, member in self.members.items():
            if member.phase is Phase.PENDING and self.now - member.created_at >= self.start:
                self.members[number] = replace(member, phase=Phase.RUNNING, is_ready=True)
                self.workers[number] = replace(a_worker(number), joined_at=self.now)

    def _carry_out(self, decision: Decision) -> None:
        for worker in decision.uncordon:
            self._turn(worker, WorkerState.SERVING)
        if decision.replicas > self.replicas:
            self.replicas = decision.replicas
            self.written.append((self.now, self.replicas))
            while len(self.members) < self.replicas:
                number = max(self.members, default=0) + 1
                self.members[number] = a_member(number, Phase.PENDING, created_at=self.now)
        for worker in decision.cordon:
            self._turn(worker, WorkerState.CORDONED)
        for removal in decision.retire:
            number = int(removal.member[1:])
            assert not self.workers[number].used, "a worker with sessions was to be removed"
            del self.workers[number], self.members[number]
            self.removed.append(number)
        if decision.retire:
            self.replicas -= len(decision.retire)
            self.written.append((self.now, self.replicas))

    def _turn(self, worker: WorkerId, state: WorkerState) -> None:
        number = int(worker.removeprefix("wrk_"))
        self.workers[number] = replace(self.workers[number], state=state)


def a_settled_pool(*used: int, **changes: object) -> Timeline:
    """One that has been watched for long enough to shrink."""
    line = Timeline(a_policy(**changes)).serve(*used)
    line.policy = replace(line.policy, settle_seconds=0.0)
    line.run(1000.0)
    return line


def freezes(line: Timeline) -> set[Freeze]:
    """Of the last look."""
    assert line.last is not None
    return {frozen.freeze for frozen in line.last.frozen}
