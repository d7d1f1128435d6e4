"""The board's scaling values as JSON: how stores keep them.

What is read was written here, perhaps by a newer version in the middle of an upgrade: fields that this one does not know are
left out, so that an older gateway goes on placing sessions. Nothing else is excused.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from scheduler.values import PoolStatus, ScaleAction, ScaleRequest


def request_text(request: ScaleRequest) -> str:
    """Equal requests are equal texts."""
    return json.dumps({**asdict(request), "action": request.action.value}, sort_keys=True)


def request_of(text: str) -> ScaleRequest:
    """Raises ValueError, TypeError or KeyError for what `request_text` did not write."""
    said = _known(ScaleRequest, text)
    return ScaleRequest(**{**said, "action": ScaleAction(said["action"])})


def status_text(status: PoolStatus) -> str:
    """Labels in one order."""
    return json.dumps({**asdict(status), "labels": sorted(status.labels)}, sort_keys=True)


def status_of(text: str) -> PoolStatus:
    """Raises as `request_of` does."""
    said = _known(PoolStatus, text)
    labels = frozenset((key, value) for key, value in said["labels"])
    return PoolStatus(**{**said, "labels": labels, "frozen": tuple(said["frozen"])})


def _known(kind: type[ScaleRequest | PoolStatus], text: str) -> dict[str, Any]:
    said = json.loads(text)
    return {field.name: said[field.name] for field in fields(kind) if field.name in said}
