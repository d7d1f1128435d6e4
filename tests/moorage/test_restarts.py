"""How long a dead worker waits for its next life."""

from __future__ import annotations

from moorage.restarts import MOST, Restarts


def test_deaths_in_a_row_double_the_wait_up_to_a_bound() -> None:
    restarts, waits = Restarts(), []

    for _ in range(20):
        restarts, wait = restarts.after(lived_seconds=0.1)
        waits.append(wait)

    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == MOST


def test_a_long_life_starts_over() -> None:
    restarts, wait = Restarts(deaths=9).after(lived_seconds=60)

    assert (restarts.deaths, wait) == (1, 1.0)
