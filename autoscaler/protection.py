"""Which annotations a pod with sessions lacks, and which one without them has too many.

They keep cluster autoscalers away, and make pods with sessions the last that a ReplicaSet takes, whoever told it to take some:
an operator's `kubectl scale`, a roll-out, a removal of ours that lost a race. A deletion cost that somebody else wrote is
left as it is.
"""

from __future__ import annotations

from autoscaler.pods import BUSY_COST, COST, NAMED_COST, PROTECTION, Pod


def lacking(pod: Pod) -> dict[str, str | None]:
    """What to write on a pod with sessions, also where an abandoned removal had named it; empty where all is there."""
    missing: dict[str, str | None] = {} if pod.is_protected else dict(PROTECTION)
    if pod.cost == 0 or pod.cost <= NAMED_COST:
        missing[COST] = str(BUSY_COST)
    return missing


def left_over(pod: Pod) -> dict[str, str | None]:
    """What to take away from a pod without sessions (None deletes); empty where nothing of ours is there."""
    extra: dict[str, str | None] = dict.fromkeys(PROTECTION) if pod.is_protected else {}
    if pod.cost == BUSY_COST:
        extra[COST] = None
    return extra
