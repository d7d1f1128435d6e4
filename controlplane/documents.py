"""JSON that tenants send along, bounded, and the forms in which values go out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from math import isfinite
from typing import Any

MAX_DEPTH = 16
_INT64 = 1 << 63


def rfc3339(at: float | None) -> str | None:
    """`2026-01-31T12:00:00.250Z`: UTC, milliseconds.

    >>> rfc3339(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_bytes(value: Any) -> int:
    """Size of a decoded JSON value as compact UTF-8. Raises ValueError where another language could not read it back."""
    for leaf, depth in _leaves(value, 1):
        _check(leaf, depth)
    return len(json.dumps(value, separators=(",", ":")).encode())


def _check(leaf: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(leaf, float) and not isfinite(leaf):
        raise ValueError("numbers must be finite")
    if isinstance(leaf, int) and not -_INT64 <= leaf < _INT64:
        raise ValueError("integers must fit 64 bits")
    if isinstance(leaf, str) and "\0" in leaf:
        raise ValueError("strings must not hold the NUL character")


def _leaves(value: Any, depth: int) -> Iterator[tuple[Any, int]]:
    yield None, depth
    if depth > MAX_DEPTH:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, depth
            yield from _leaves(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, depth + 1)
    else:
        yield value, depth
