"""Whether a gateway that shares its listening socket lets the others accept first."""

from __future__ import annotations

from collections.abc import Iterable

SLACK = 4  # connections that one may have more than the least of the others
SLACK_PART = 20  # or a twentieth of its own: with many, fewer turns cost less than the last bit of evenness gains


def is_crowded(mine: int, others: Iterable[int]) -> bool:
    """`others` are the connections of those who accept too.

    >>> is_crowded(5, [1, 7]), is_crowded(6, [1, 7]), is_crowded(6, [])
    (False, True, False)
    """
    least = min(others, default=mine)
    return mine - least > max(SLACK, mine // SLACK_PART)
