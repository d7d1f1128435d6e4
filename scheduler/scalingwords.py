"""The board's scaling values as JSON: how stores keep them. What is read was written here, so nothing is excused."""

from __future__ import annotations

import json
from dataclasses import asdict

from scheduler.values import PoolStatus, ScaleAction, ScaleRequest


def request_text(request: ScaleRequest) -> str:
    """Equal requests are equal texts."""
    return json.dumps({**asdict(request), "action": request.action.value}, sort_keys=True)


def request_of(text: str) -> ScaleRequest:
    """Raises ValueError, TypeError or KeyError for what `request_text` did not write."""
    said = json.loads(text)
    return ScaleRequest(**{**said, "action": ScaleAction(said["action"])})


def status_text(status: PoolStatus) -> str:
    """Labels in one order."""
    return json.dumps({**asdict(status), "labels": sorted(status.labels)}, sort_keys=True)


def status_of(text: str) -> PoolStatus:
    """Raises as `request_of` does."""
    said = json.loads(text)
    labels = frozenset((key, value) for key, value in said["labels"])
    return PoolStatus(**{**said, "labels": labels, "frozen": tuple(said["frozen"])})
