from __future__ import annotations

import pytest

from scheduler.drains import Draining, retry_after
from scheduler.values import Drain, DrainProgress


def test_nobody_is_told_before_the_deadline() -> None:
    draining = Draining(Drain(100.0, 10.0), 0.0, 50)

    assert not draining.is_over(99.9)
    assert draining.take(99.9, 50) == 0
    assert draining.is_over(100.0)


@pytest.mark.parametrize("rate", [0.5, 4.0, 333.0])
def test_in_every_second_at_most_the_rate_is_told(rate: float) -> None:
    draining = Draining(Drain(100.0, rate), 0.0, 10_000)

    told = [draining.take(100.0 + step * 0.25, 10_000) for step in range(81)]

    assert sum(told) == pytest.approx(rate * 20, abs=2)
    assert max(sum(told[start : start + 4]) for start in range(78)) <= rate + 2


def test_a_sweep_that_comes_late_tells_no_more_than_a_second_is_worth() -> None:
    draining = Draining(Drain(100.0, 10.0), 0.0, 1000)

    assert draining.take(160.0, 1000) <= 11


def test_no_more_are_told_than_are_there() -> None:
    draining = Draining(Drain(0.0, 1000.0), 0.0, 3)

    assert draining.take(10.0, 3) == 3


def test_a_deadline_in_the_past_begins_now() -> None:
    draining = Draining(Drain(0.0, 1.0), 50.0, 3)

    assert draining.take(50.0, 3) == 1


def test_progress_says_how_far_it_is() -> None:
    draining = Draining(Drain(60.0, 2.0), 10.0, 5)
    draining.moved = 2

    assert draining.progress(3) == DrainProgress(10.0, 60.0, 2.0, 5, 3, 2)


def test_retries_are_spread_over_a_second() -> None:
    assert retry_after(lambda count: b"\x00" * count) == pytest.approx(0.2)
    assert retry_after(lambda count: b"\xff" * count) == pytest.approx(1.2, abs=0.001)
