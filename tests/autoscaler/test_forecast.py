"""What an hour of the day usually brings, and when that is not trusted."""

from __future__ import annotations

from autoscaler.flow import spread_at_first
from autoscaler.forecast import DAY, QUARTER, WEEK, Seasons, forecast, with_demand
from autoscaler.memory import Memory
from autoscaler.need import AWAY, Usual, buffer
from tests.autoscaler.builders import a_policy


def seen(*days: float) -> Seasons:
    """Each day 100 sessions, and in the quarters from the 40th to the 49th so many."""
    seasons = Seasons()
    for day, many in enumerate(days):
        for quarter in range(DAY):
            demand = many if 40 <= quarter < 50 else 100.0
            seasons = with_demand(seasons, (day * DAY + quarter) * QUARTER, demand)
    return seasons


def test_nothing_is_forecast_before_it_was_tried_for_a_day() -> None:
    assert forecast(seen(500.0), DAY * QUARTER, 60.0) is None


def test_as_a_day_ago_where_that_was_right() -> None:
    seasons = seen(500.0, 500.0)
    begins = (2 * DAY + 40) * QUARTER

    assert forecast(seasons, begins - 61.0, 60.0) == 100.0
    assert forecast(seasons, begins - 59.0, 60.0) == 500.0


def test_what_was_often_wrong_is_not_forecast() -> None:
    seasons = Seasons()
    for quarter in range(2 * DAY):
        seasons = with_demand(seasons, quarter * QUARTER, 100.0 if quarter < DAY else 20.0)

    assert forecast(seasons, 2 * DAY * QUARTER, 60.0) is None


def test_the_highest_of_a_quarter_counts() -> None:
    seasons = with_demand(with_demand(with_demand(Seasons(), 0.0, 5.0), 5.0, 9.0), 10.0, 1.0)

    assert seasons.quarters == (9.0,)


def test_it_stays_bounded_and_a_gap_begins_anew() -> None:
    seasons = seen(*[100.0] * 12)

    assert len(seasons.quarters) == WEEK + DAY
    assert with_demand(seasons, (12 * DAY + 20) * QUARTER, 3.0).quarters == (3.0,)


def test_a_part_of_those_who_are_away_has_its_slots() -> None:
    memory = Memory(spread=spread_at_first(30.0))

    alone = buffer(a_policy(), memory, 30.0, 60.0, 0.0, Usual())
    awaited = buffer(a_policy(), memory, 30.0, 60.0, 0.0, Usual(sessions=630.0))
    busier = buffer(a_policy(), memory, 30.0, 60.0, 0.0, Usual(sessions=10.0))

    assert awaited.low == round(AWAY * 600.0) > alone.low
    assert busier == alone
