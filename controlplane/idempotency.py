"""Idempotency keys: the same key with the same body gets the same answer, with another body a refusal.

What is kept is the session's id and a fingerprint of the request, never the answer: the same request opens the same
session value again, and its token is minted again with the same claims. So no token can be read from the database.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from moorage.ids import KeyId, SessionId

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Answered:
    """An earlier request with this idempotency key."""

    key: KeyId
    name: str  # what the caller sent as Idempotency-Key
    fingerprint: str
    session: SessionId
    node: str | None  # the address given out with it
    at: float


def checked_name(name: str) -> str:
    """Raises ValueError unless it is 1 to 255 printable ASCII characters."""
    if not _KEY.fullmatch(name):
        raise ValueError("Idempotency-Key must be 1 to 255 printable ASCII characters without spaces")
    return name


def fingerprint(body: dict[str, Any]) -> str:
    """Of what was asked, whatever the order of its fields."""
    return sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
