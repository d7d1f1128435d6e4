"""The pace of a drain."""

from __future__ import annotations

from math import ceil


def due_by_now(total: int, left: int, elapsed: float, seconds: float) -> int:
    """How many of `left` sessions to move now, so that all of `total` are gone after `seconds`, evenly.

    >>> [due_by_now(100, 100, elapsed, 10.0) for elapsed in (0.0, 1.0, 10.0)]
    [1, 10, 100]
    """
    if seconds <= 0 or elapsed >= seconds:
        return left
    moved_by_now = max(1, ceil(total * elapsed / seconds))
    return max(0, min(left, moved_by_now - (total - left)))
