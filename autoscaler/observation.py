"""What one look at a pool saw. It says what is known and what is not; it draws no conclusion.

Times are Unix seconds of the store's clock. Something that could not be read is None or LOST, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from moorage.ids import WorkerId
from scheduler.values import ScaleRequest, WorkerState


class Health(Enum):
    """How far a signal may be trusted. Absent is not zero."""

    OK = "ok"
    STALE = "stale"  # it may raise what is wanted, and never lower it
    LOST = "lost"  # it says nothing; nothing is lowered while it does


class Phase(Enum):
    """Where a target's member (a pod, a process) is in its life."""

    PENDING = "pending"  # not running yet: unscheduled, its image is pulled
    RUNNING = "running"
    FAILING = "failing"  # crash loop, image that cannot be pulled
    TERMINATING = "terminating"


class Freeze(Enum):
    """Why a pool is not changed, or only upwards."""

    REGISTRY = "registry"  # the store is away, or too young to know its workers
    SIGNAL = "signal"  # a rule's signal is stale or lost
    COVERAGE = "coverage"  # running members that no worker has registered for
    TARGET = "target"  # replicas and members cannot be read or written
    MISSING = "missing"  # there is no such target, or it is paused
    RIVAL = "rival"  # an HPA, a ScaledObject or somebody else writes the same replicas
    ROLLOUT = "rollout"  # members are being replaced
    NOT_READY = "not_ready"  # a busy member is not ready: the target would remove it first
    WRONG_VICTIM = "wrong_victim"  # a removal took another member than the one named
    REQUEST = "request"  # an operator said hold
    FLAPPING = "flapping"  # the budget of reversals is spent
    SETTLING = "settling"  # this process has not watched for long enough


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """One worker of the pool, from the registry."""

    worker: WorkerId
    state: WorkerState
    slots: int
    used: int  # reserved, held and suspended
    joined_at: float
    member: str | None = None  # which member of the target it is; None: of no target that is scaled here
    came: int = 0  # sessions given a slot there since it registered; only grows


@dataclass(frozen=True, slots=True)
class MemberSeen:
    """One pod or process of the target."""

    member: str  # a pod's uid, a process's place: never used twice
    name: str
    phase: Phase
    is_ready: bool
    created_at: float


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about the target that forbids a change."""

    freeze: Freeze
    detail: str  # one sentence that says what to do
    blocks_up: bool = False
    blocks_down: bool = True


@dataclass(frozen=True, slots=True)
class TargetSeen:
    """What is scaled: the replicas that are asked for, and the members there are."""

    replicas: int
    members: tuple[MemberSeen, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """What a rule's query answered last."""

    health: Health
    value: float | None  # None while LOST
    at: float  # of the sample, not of the answer
    detail: str = ""  # why it is not OK


@dataclass(frozen=True, slots=True)
class Observation:
    """One pool at one moment."""

    region: str
    pool: str
    workers: tuple[WorkerSeen, ...] | None  # None: the registry could not be read
    waiting: int  # sessions in the admission queue that only this pool could serve, or first of all
    target: TargetSeen | None  # None: it could not be read
    samples: Mapping[str, Sample] = field(default_factory=dict)  # by the rule's name
    requests: tuple[ScaleRequest, ...] = ()  # of this pool, not expired
