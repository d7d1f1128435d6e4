"""The policy's numbers and the state tables as Lua, written from their one source."""

from __future__ import annotations

from scheduler.claims import LAST_WORD_SECONDS
from scheduler.drains import TOLD_AGAIN_AFTER
from scheduler.placement import PLANS
from scheduler.policy import SchedulerPolicy
from scheduler.queue import PACE_SECONDS
from scheduler.workers import NEXT_DUTY, NEXT_HEALTH

_POLICY = (
    "soft_cap",
    "reservation",
    "suspect_after",
    "worker_lost_after",
    "gateway_lost_after",
    "mass_lapse_workers",
    "complaints",
    "complaint_seconds",
    "suspicion_seconds",
    "probe_seconds",
    "full_retry_seconds",
    "adoption_seconds",
    "queue_waiters",
    "queue_waiters_per_workspace",
    "events",
    "directives_per_worker",
    "tombstones",
    "tombstone_seconds",
    "tombstone_least_seconds",
    "forget_worker_seconds",
    "forget_gateway_seconds",
    "scale_requests",
    "decisions_per_pool",
)
_CONSTANTS = {
    "plans": PLANS,
    "readings": 2000,  # texts that a server keeps read, of a kind: some hundred KiB
    "pace_seconds": PACE_SECONDS,
    "told_again_after": TOLD_AGAIN_AFTER,
    "last_word_seconds": LAST_WORD_SECONDS,
    "end_record_seconds": 60,  # a late ender still hears whose end was first; SQL keeps the record
    "spans": 3,  # end records are let go of by thirds of that time
    "portion": 200,  # sessions dealt with in one script: some milliseconds of the server's time
    "sweep_gap": 0.2,  # several processes sweep; one in so long does it
}


NUMBERS = tuple(name.upper() for name in (*_POLICY, *_CONSTANTS))
"""Names that scripts have for them. They are loaded as places of one table, since a chunk of Lua has at most 200 locals."""


def prelude(policy: SchedulerPolicy) -> str:
    """What the library begins with."""
    numbers = {name: getattr(policy, name) for name in _POLICY} | _CONSTANTS
    lines = ["local NUMBERS = {" + ", ".join(f"{name.upper()} = {value!r}" for name, value in numbers.items()) + "}"]
    lines.append(_table("NEXT_DUTY", {(a.value, c.value): b.value for (a, c), b in NEXT_DUTY.items()}))
    lines.append(_table("NEXT_HEALTH", {(a.value, c.value): b.value for (a, c), b in NEXT_HEALTH.items()}))
    return "\n".join(lines)


def _table(name: str, rows: dict[tuple[str, str], str]) -> str:
    entries = ", ".join(f"['{state} {change}'] = '{following}'" for (state, change), following in rows.items())
    return f"local {name} = {{{entries}}}"
