"""A signal's past, bounded: never less than it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.history import MINUTES, TENS, History


def a_history(values: list[float], every: float = 60.0) -> History:
    history = History()
    for number, value in enumerate(values):
        history = history.with_look(number * every, value)
    return history


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=300), st.floats(1, 20_000))
def test_the_maximum_is_never_less_than_it_was(values: list[float], back: float) -> None:
    history = a_history(values)
    now = (len(values) - 1) * 60.0

    found = history.maximum(now - back)

    assert found >= max(value for number, value in enumerate(values) if number * 60.0 > now - back)
    assert found <= max(values)


def test_it_is_bounded_however_long_it_is_watched() -> None:
    history = a_history([float(n % 7) for n in range(5_000)])

    assert (len(history.minutes), len(history.tens)) == (MINUTES, TENS)
    assert len(history.looks) <= 25


def test_what_has_fallen_counts_for_less() -> None:
    history = a_history([100.0 - n for n in range(30)])

    assert history.maximum(0.0, falling=-1.0 / 60.0) == 71.0


def test_a_level_reaches_back_to_where_demand_was_another() -> None:
    history = a_history([50.0] * 300 + [100.0 + n % 5 for n in range(300)])

    assert 17_000 <= history.level_for(0.1) <= 18_000
