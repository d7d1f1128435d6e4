"""The scheduler's words as frozen values: what is asked of a store, and what it answers.

Times are Unix seconds of the store's clock unless a name says otherwise. Nothing here decides anything.
"""

from scheduler.values.answers import Done, Refused, Stale
from scheduler.values.claims import Claimed, ClaimRequest, Concurrency, Contested, Duplicates, Queued, Wanted
from scheduler.values.ends import NO_USAGE, End, Ended, EndRecord, Revocation, Usage
from scheduler.values.events import Event
from scheduler.values.notices import (
    CloseSession,
    Direct,
    EndSession,
    Extended,
    Granted,
    Notice,
    Probed,
    ProbeSession,
    QueueRefused,
    Revoked,
    WorkerLost,
)
from scheduler.values.states import ClaimState, Outcome, WorkerState
from scheduler.values.views import PoolView, QueueView, SessionView, WorkerView
from scheduler.values.workers import (
    Beaten,
    Directive,
    Drain,
    DrainProgress,
    Heartbeat,
    JoinKey,
    Kubernetes,
    Labels,
    Order,
    Registered,
    Registration,
    SessionOnWorker,
    WorkerEnd,
)

__all__ = [
    "NO_USAGE",
    "Beaten",
    "ClaimRequest",
    "ClaimState",
    "Claimed",
    "CloseSession",
    "Concurrency",
    "Contested",
    "Direct",
    "Directive",
    "Done",
    "Drain",
    "DrainProgress",
    "Duplicates",
    "End",
    "EndRecord",
    "EndSession",
    "Ended",
    "Event",
    "Extended",
    "Granted",
    "Heartbeat",
    "JoinKey",
    "Kubernetes",
    "Labels",
    "Notice",
    "Order",
    "Outcome",
    "PoolView",
    "ProbeSession",
    "Probed",
    "QueueRefused",
    "QueueView",
    "Queued",
    "Refused",
    "Registered",
    "Registration",
    "Revocation",
    "Revoked",
    "SessionOnWorker",
    "SessionView",
    "Stale",
    "Usage",
    "Wanted",
    "WorkerEnd",
    "WorkerLost",
    "WorkerState",
    "WorkerView",
]
