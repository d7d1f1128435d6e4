"""The pace of a drain: even, from the first moment, and done in time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.draining import due_by_now


@pytest.mark.parametrize(
    ("total", "left", "elapsed", "due"),
    [
        (100, 100, 0.0, 1),
        (100, 99, 0.0, 0),
        (100, 99, 1.0, 9),
        (100, 90, 1.0, 0),
        (100, 50, 9.99, 50),
        (100, 50, 10.0, 50),
        (0, 0, 0.0, 0),
    ],
)
def test_as_many_are_due_as_the_time_that_has_passed(total: int, left: int, elapsed: float, due: int) -> None:
    assert due_by_now(total, left, elapsed, 10.0) == due


def test_without_time_all_are_due() -> None:
    assert due_by_now(100, 100, 0.0, 0.0) == 100


@given(st.integers(0, 5000), st.floats(0.1, 60), st.lists(st.floats(0.001, 5), min_size=1, max_size=200))
def test_a_drain_is_steady_and_ends_in_time(total: int, seconds: float, steps: list[float]) -> None:
    left, elapsed = total, 0.0
    for step in steps:
        due = due_by_now(total, left, elapsed, seconds)
        assert 0 <= due <= left
        left -= due
        assert total - left <= total * elapsed / seconds + 2
        elapsed += step

    assert left - due_by_now(total, left, seconds, seconds) == 0
