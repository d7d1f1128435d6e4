"""What the gateway's upgrade request tells a worker about a session: the `Moorage-*` headers, parsed once.

Pure. The claim's MAC is checked by moorage/claims.py; whoever calls this has done so, so a wrong header here is a bug of the
gateway, not an attack.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moorage.ids import SessionId, UserId, WorkspaceId

MAX_CONTEXT_CHARS = 8192  # 4 KiB of JSON in base64, and room


@dataclass(frozen=True, slots=True)
class Introduction:
    """One session, as the gateway knows it."""

    session: SessionId
    user: UserId
    workspace: WorkspaceId
    quality: Any = None
    features: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)
    traceparent: str = ""
    path: str = "/"  # with its query, as the client asked


def introduction(headers: Mapping[str, str], path: str) -> Introduction:
    """From the upgrade's headers (a mapping that ignores case). Raises ValueError naming the header."""
    context = _context(headers.get("Moorage-Context", ""))
    metadata = context.get("metadata")
    return Introduction(
        session=SessionId(headers.get("Moorage-Session", "")),
        user=UserId(headers.get("Moorage-User", "")),
        workspace=WorkspaceId(headers.get("Moorage-Workspace", "")),
        quality=context.get("quality"),
        features=context.get("features"),
        metadata=metadata if isinstance(metadata, dict) else {},
        traceparent=headers.get("traceparent", "")[:128],
        path=path,
    )


def _context(said: str) -> dict[str, Any]:
    if not said:
        return {}
    if len(said) > MAX_CONTEXT_CHARS:
        raise ValueError("Moorage-Context is too long")
    try:
        context = json.loads(urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    except (Base64Error, ValueError, RecursionError) as error:
        raise ValueError("Moorage-Context is not base64url of JSON") from error
    if not isinstance(context, dict):
        raise ValueError("Moorage-Context is not a JSON object")
    return context
