"""The life of a claim, as a table, and its fences. What frees a slot or writes a record is not decided here.

`None` stands for a session that holds no claim: one that was never placed, or whose first attach failed.
"""

from __future__ import annotations

from enum import Enum

from scheduler.values import ClaimState

LAST_WORD_SECONDS = 1.0  # for the gateway of a session whose time to live is over


class Change(Enum):
    """What can happen to a claim."""

    ATTACH = "attach"  # a client connects: first placement, return, or a second connection that takes over
    CONFIRM = "confirm"  # the worker answered 101
    ABANDON = "abandon"  # a first attach failed or its reservation lapsed: as if it had never been
    FALL_BACK = "fall back"  # a later attach failed or lapsed: the session keeps its slot
    SUSPEND = "suspend"  # the client, its gateway or the worker is gone
    ADOPT = "adopt"  # a gateway that was given up still relays it
    END = "end"


NEXT: dict[tuple[ClaimState | None, Change], ClaimState | None] = {
    (None, Change.ATTACH): ClaimState.RESERVED,
    (None, Change.END): ClaimState.ENDED,
    (ClaimState.RESERVED, Change.ATTACH): ClaimState.RESERVED,
    (ClaimState.RESERVED, Change.CONFIRM): ClaimState.HELD,
    (ClaimState.RESERVED, Change.ABANDON): None,
    (ClaimState.RESERVED, Change.FALL_BACK): ClaimState.SUSPENDED,
    (ClaimState.RESERVED, Change.END): ClaimState.ENDED,
    (ClaimState.HELD, Change.ATTACH): ClaimState.RESERVED,
    (ClaimState.HELD, Change.SUSPEND): ClaimState.SUSPENDED,
    (ClaimState.HELD, Change.END): ClaimState.ENDED,
    (ClaimState.SUSPENDED, Change.ATTACH): ClaimState.RESERVED,
    (ClaimState.SUSPENDED, Change.ADOPT): ClaimState.HELD,
    (ClaimState.SUSPENDED, Change.END): ClaimState.ENDED,
}


class NoSuchChange(ValueError):
    """A claim in that state cannot change so: a bug of the caller."""


def after(state: ClaimState | None, change: Change) -> ClaimState | None:
    """The state that follows. Raises NoSuchChange naming both."""
    try:
        return NEXT[state, change]
    except KeyError:
        raise NoSuchChange(f"a claim that is {state.value if state else 'absent'} cannot {change.value}") from None


def live_after(state: ClaimState | None, change: Change) -> ClaimState:
    """As `after`, where a claim remains."""
    following = after(state, change)
    if following is None:
        raise NoSuchChange(f"{change.value} leaves no claim")
    return following


def next_fence(previous: int, now: float) -> int:
    """Higher than `previous`, and at least the clock in microseconds: a store that lost its data repeats none.

    >>> next_fence(5, 0.000002), next_fence(5, 1.5)
    (6, 1500000)
    """
    clock = int(now * 1_000_000)
    return clock if clock > previous else previous + 1
