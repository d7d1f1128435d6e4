"""A worker's state as two tables: its duty (what operators and itself decide) and its health (what silence tells).

What people see is one word made of both; a cordon or a drain outlives suspicion and loss because it is duty.
"""

from __future__ import annotations

from enum import Enum

from scheduler.values import WorkerState


class Health(Enum):
    """How much a worker was heard of."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    LOST = "lost"


class Change(Enum):
    """What can happen to a worker."""

    READY = "ready"
    UNREADY = "unready"
    CORDON = "cordon"
    UNCORDON = "uncordon"
    DRAIN = "drain"
    RETIRE = "retire"  # the caller makes sure that it is empty
    BEAT = "beat"
    DOUBT = "doubt"  # silent for SUSPECT_AFTER, or out of reach of three sessions
    LAPSE = "lapse"  # silent for WORKER_LOST_AFTER
    REGISTER = "register"


_STARTING, _SERVING = WorkerState.STARTING, WorkerState.SERVING
_CORDONED, _DRAINING, _RETIRED = WorkerState.CORDONED, WorkerState.DRAINING, WorkerState.RETIRED

NEXT_DUTY: dict[tuple[WorkerState, Change], WorkerState] = {
    (_STARTING, Change.READY): _SERVING,
    (_STARTING, Change.CORDON): _CORDONED,
    (_STARTING, Change.DRAIN): _DRAINING,
    (_STARTING, Change.RETIRE): _RETIRED,
    (_SERVING, Change.READY): _SERVING,
    (_SERVING, Change.UNREADY): _STARTING,
    (_SERVING, Change.CORDON): _CORDONED,
    (_SERVING, Change.UNCORDON): _SERVING,
    (_SERVING, Change.DRAIN): _DRAINING,
    (_SERVING, Change.RETIRE): _RETIRED,
    (_CORDONED, Change.CORDON): _CORDONED,
    (_CORDONED, Change.UNCORDON): _SERVING,
    (_CORDONED, Change.DRAIN): _DRAINING,
    (_CORDONED, Change.RETIRE): _RETIRED,
    (_DRAINING, Change.CORDON): _DRAINING,
    (_DRAINING, Change.UNCORDON): _SERVING,
    (_DRAINING, Change.DRAIN): _DRAINING,
    (_DRAINING, Change.RETIRE): _RETIRED,
    (_RETIRED, Change.RETIRE): _RETIRED,
}

NEXT_HEALTH: dict[tuple[Health, Change], Health] = {
    (Health.ALIVE, Change.BEAT): Health.ALIVE,
    (Health.ALIVE, Change.DOUBT): Health.SUSPECT,
    (Health.ALIVE, Change.REGISTER): Health.ALIVE,
    (Health.SUSPECT, Change.BEAT): Health.ALIVE,
    (Health.SUSPECT, Change.DOUBT): Health.SUSPECT,
    (Health.SUSPECT, Change.LAPSE): Health.LOST,
    (Health.SUSPECT, Change.REGISTER): Health.ALIVE,
    (Health.LOST, Change.REGISTER): Health.ALIVE,
}


class NoSuchChange(ValueError):
    """A worker in that state cannot change so."""


def duty_after(duty: WorkerState, change: Change) -> WorkerState:
    """The duty that follows. Raises NoSuchChange naming both: an operator's wish that is refused as CONFLICT."""
    try:
        return NEXT_DUTY[duty, change]
    except KeyError:
        raise NoSuchChange(f"a worker that is {duty.value} cannot {change.value}") from None


def health_after(health: Health, change: Change) -> Health:
    """The health that follows. Raises NoSuchChange naming both."""
    try:
        return NEXT_HEALTH[health, change]
    except KeyError:
        raise NoSuchChange(f"a worker that is {health.value} knows no {change.value}") from None


def shown(duty: WorkerState, health: Health) -> WorkerState:
    """The one word people see: what matters most of the two."""
    if health is Health.LOST:
        return WorkerState.LOST
    if duty is WorkerState.RETIRED:
        return duty
    return WorkerState.SUSPECT if health is Health.SUSPECT else duty


def is_open(duty: WorkerState, health: Health) -> bool:
    """Whether it may be given new sessions."""
    return duty is WorkerState.SERVING and health is Health.ALIVE


def is_matchable(duty: WorkerState, health: Health) -> bool:
    """Whether a waiter may hope for it: every state but retired and lost can lead back to serving."""
    return duty is not WorkerState.RETIRED and health is not Health.LOST
