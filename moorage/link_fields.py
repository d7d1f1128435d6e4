"""One field of one link message: read, checked against its type and bound, or refused with its name and what was seen.

Every reader takes the message's map and the field's name. Raises LinkError; a key or a secret is never part of what it says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar

from moorage.dialout import MAX_TICKET
from moorage.ids import SessionId, WorkerId
from moorage.link import MAX_TEXT

T = TypeVar("T")

MAX_WHOLE = 2**63 - 1

_SECRET = re.compile(r"[0-9A-Za-z._~=-]+")
_ID = re.compile(r"[a-z]{1,8}_[0-9A-Za-z_-]{1,64}")
_MAX_SECONDS = 10 * 366 * 86400.0


class LinkError(ValueError):
    """A message of the link that cannot be read: says which field and what was seen."""


def text(fields: dict[str, Any], name: str, default: str | None = None) -> str:
    """At most MAX_TEXT characters."""
    said = fields.get(name, default)
    if not isinstance(said, str) or len(said) > MAX_TEXT:
        raise wrong(name, f"a text of at most {MAX_TEXT} characters", said)
    return said


def whole(fields: dict[str, Any], name: str, low: int, high: int) -> int:
    """Within the bounds, both included; true and false are no numbers."""
    said = fields.get(name)
    if not isinstance(said, int) or isinstance(said, bool) or not low <= said <= high:
        raise wrong(name, f"a whole number from {low} to {high}", said)
    return said


def number(fields: dict[str, Any], name: str, default: float, high: float) -> float:
    """Finite, from 0 to `high`."""
    said = fields.get(name, default)
    if not isinstance(said, int | float) or isinstance(said, bool) or not isfinite(said) or not 0 <= said <= high:
        raise wrong(name, f"a number from 0 to {high:g}", said)
    return float(said)


def seconds(fields: dict[str, Any], name: str) -> float:
    """A duration."""
    return number(fields, name, -1.0, _MAX_SECONDS)


def flag(fields: dict[str, Any], name: str, *, default: bool) -> bool:
    """True or false."""
    said = fields.get(name, default)
    if not isinstance(said, bool):
        raise wrong(name, "true or false", said)
    return said


def claim_key(fields: dict[str, Any], name: str) -> bytes:
    """16 to MAX_TEXT bytes."""
    said = fields.get(name)
    if not isinstance(said, bytes) or not 16 <= len(said) <= MAX_TEXT:
        raise LinkError(f"{name} is a key of 16 to {MAX_TEXT} bytes")  # never shown
    return said


def secret(fields: dict[str, Any], name: str) -> str:
    """A text that can go into a header: 16 to MAX_TICKET letters, digits, dashes, dots and underscores."""
    said = fields.get(name)
    if not isinstance(said, str) or not 16 <= len(said) <= MAX_TICKET or _SECRET.fullmatch(said) is None:
        raise LinkError(f"{name} is a secret of 16 to {MAX_TICKET} characters")  # never shown
    return said


def worker_id(fields: dict[str, Any], name: str) -> WorkerId:
    """`wrk_…`"""
    return WorkerId(checked_id(fields.get(name), name))


def session_id(fields: dict[str, Any], name: str) -> SessionId:
    """`ses_…`"""
    return SessionId(checked_id(fields.get(name), name))


def checked_id(said: Any, name: str) -> str:
    """Any id's form: what it is an id of shows its place."""
    if not isinstance(said, str) or _ID.fullmatch(said) is None:
        raise wrong(name, "an id", said)
    return said


def listing(fields: dict[str, Any], name: str, read: Callable[[Any], T]) -> tuple[T, ...]:
    """A list, each element by `read`."""
    said = fields.get(name, [])
    if not isinstance(said, list):
        raise wrong(name, "a list", said)
    return tuple(map(read, said))


def optional(fields: dict[str, Any], name: str, read: Callable[[dict[str, Any], str], T]) -> T | None:
    """None where the field is missing or nil."""
    return None if fields.get(name) is None else read(fields, name)


def wrong(name: str, wanted: str, said: Any) -> LinkError:
    """The error, with what was seen cut short."""
    seen = "nothing" if said is None else f"{type(said).__name__} {said!r:.40}"
    return LinkError(f"{name[:40]} is {wanted}, not {seen}")
