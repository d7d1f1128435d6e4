"""What the board keeps of scaling, and within which bounds. Knows nothing of why a pool is scaled."""

from __future__ import annotations

import json
from collections.abc import Iterable

from moorage.errors import Code
from scheduler.policy import SchedulerPolicy
from scheduler.values import DecisionRecord, Done, Refused, ScaleRequest

_TOLD = {  # name in the event: where it is in the document
    "replicas_before": ("inputs", "replicas"),
    "replicas": ("done", "replicas"),
    "desired": ("desired",),
    "serving": ("serving",),
    "winner": ("winner",),
    "reason": ("reason",),
}
_TOLD_CHARACTERS = 500


def in_force(requests: Iterable[ScaleRequest], now: float) -> list[ScaleRequest]:
    """Oldest first."""
    live = [request for request in requests if now < request.expires_at]
    return sorted(live, key=lambda request: (request.created_at, request.id))


def kept(
    known: ScaleRequest | None, request: ScaleRequest, live: int, policy: SchedulerPolicy
) -> Done | Refused | None:
    """What is answered to a request beside one of the same id, and `live` ones in force; None where it is kept."""
    if known is not None:
        return Done() if known == request else Refused(Code.CONFLICT, f"another scale request {request.id} is known")
    if live >= policy.scale_requests:
        return Refused(Code.CONFLICT, f"{live} scale requests are in force, the most there may be; release some")
    return None


def check_decision(record: DecisionRecord, policy: SchedulerPolicy) -> None:
    """Raises ValueError."""
    if len(record.document) > policy.decision_bytes:
        raise ValueError(f"a decision of {len(record.document)} bytes; at most {policy.decision_bytes}")


def check_memory(name: str, document: bytes, policy: SchedulerPolicy) -> None:
    """Raises ValueError."""
    if len(document) > policy.memory_bytes:
        raise ValueError(f"{len(document)} bytes for {name!r}; at most {policy.memory_bytes}")


def scaled_data(record: DecisionRecord) -> dict[str, str | int | float]:
    """The event's data: region, pool, and what the document says plainly of replicas and reasons.

    >>> record = DecisionRecord("eu", "gpu", 1.0, True, b'{"done": {"replicas": 5}, "reason": "a crowd", "serving": null}')
    >>> scaled_data(record)
    {'region': 'eu', 'pool': 'gpu', 'replicas': 5, 'reason': 'a crowd'}
    """
    told: dict[str, str | int | float] = {"region": record.region, "pool": record.pool}
    try:
        said = json.loads(record.document)
    except ValueError:
        return told
    for name, path in _TOLD.items():
        value = said
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, str):
            told[name] = value[:_TOLD_CHARACTERS]
        elif isinstance(value, int) and not isinstance(value, bool):
            told[name] = value
    return told
