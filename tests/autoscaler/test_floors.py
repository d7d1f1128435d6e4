"""Scale requests against each other."""

from __future__ import annotations

import pytest

from autoscaler.floors import from_requests
from scheduler.values import ScaleAction, ScaleRequest
from tests.autoscaler.builders import NOW, a_request


def bounds(*requests: object) -> tuple[int | None, ...]:
    found = from_requests(requests, NOW)  # type: ignore[arg-type]  # they are
    return tuple(None if one is None else one.workers for one in (found.floor, found.ceiling))


def test_the_highest_floor_and_the_lowest_ceiling_count() -> None:
    up, more = a_request(ScaleAction.SCALE_UP, 3), a_request(ScaleAction.SCALE_UP, 5, created_at=NOW - 9)
    down, less = a_request(ScaleAction.SCALE_DOWN, 9), a_request(ScaleAction.SCALE_DOWN, 7, created_at=NOW - 8)

    assert bounds(up, more, down, less) == (5, 7)


def test_where_they_contradict_each_other_the_newest_has_it() -> None:
    old, new = a_request(ScaleAction.SET, 9, created_at=NOW - 9), a_request(ScaleAction.SCALE_DOWN, 2)

    assert bounds(old, new) == (None, 2)


@pytest.mark.parametrize(
    ("newer", "is_held"),
    [
        (a_request(ScaleAction.SET, 6), False),
        (a_request(ScaleAction.SCALE_UP, 6), False),
        (a_request(ScaleAction.SCALE_DOWN, 2), False),
        (a_request(ScaleAction.SET, 4), True),
        (a_request(ScaleAction.SCALE_UP, 3), True),
        (a_request(ScaleAction.HOLD, 6), True),
    ],
    ids=lambda value: f"{value.action.value} {value.workers}" if isinstance(value, ScaleRequest) else None,
)
def test_a_hold_gives_way_to_what_was_asked_after_it_and_contradicts_it(newer: ScaleRequest, is_held: bool) -> None:
    held = a_request(ScaleAction.HOLD, 4, created_at=NOW - 9)

    assert (from_requests([newer, held], NOW).hold is not None) is is_held
    assert from_requests([held], NOW).hold is held


def test_an_expired_request_is_none() -> None:
    assert bounds(a_request(ScaleAction.SET, 9, until=NOW - 1)) == (None, None)
