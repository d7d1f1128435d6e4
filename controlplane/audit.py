"""The audit log: who changed what, from what to what. Rows are added and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moorage.ids import KeyId, WorkspaceId


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change that an API key made."""

    id: str
    workspace: WorkspaceId
    at: float
    key: KeyId
    action: str  # "scale_request.created", …
    target: str  # an id, or region/pool
    request_id: str  # of the HTTP request
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    once: str | None = None  # what an Idempotency-Key made of it: found again, never made twice
    fingerprint: str | None = None  # of the request under that key
