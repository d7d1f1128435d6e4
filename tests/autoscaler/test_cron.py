"""Five fields of cron: what they mean, when they were met, and what a change of the clock does to them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler import cron

BERLIN = ZoneInfo("Europe/Berlin")  # 2026: forward on 29 March at 02:00, back on 25 October at 03:00
UTC = ZoneInfo("UTC")


def at(text: str, zone: ZoneInfo = UTC) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("expression", "now", "expected"),
    [
        ("0 9 * * mon-fri", "2026-11-22T12:00", "2026-11-20T09:00"),  # a Sunday looks back to Friday
        ("*/15 * * * *", "2026-11-22T12:14", "2026-11-22T12:00"),
        ("0 0 1 * *", "2026-11-22T12:00", "2026-11-01T00:00"),
        ("0 0 29 2 *", "2026-11-22T12:00", "2024-02-29T00:00"),
        ("30 8 13 * fri", "2026-11-22T12:00", "2026-11-20T08:30"),  # day or weekday, as in Vixie cron
        ("0 12 * * 7", "2026-11-22T12:00", "2026-11-22T12:00"),  # 7 is Sunday; the moment itself counts
        ("5,10-20/5 6 * nov sun", "2026-11-22T12:00", "2026-11-22T06:20"),
    ],
)
def test_the_last_occurrence(expression: str, now: str, expected: str) -> None:
    found = cron.previous(cron.parse(expression), UTC, at(now))

    assert found == at(expected)


def test_the_next_occurrence_is_after_now() -> None:
    noon = at("2026-11-22T12:00")

    assert cron.following(cron.parse("0 12 * * *"), UTC, noon) == at("2026-11-23T12:00")
    assert cron.following(cron.parse("0 0 29 2 *"), UTC, noon) == at("2028-02-29T00:00")


def test_a_day_that_never_comes_is_none() -> None:
    assert cron.following(cron.parse("0 0 30 2 *"), UTC, at("2026-11-22T12:00")) is None


def test_a_time_that_the_clock_skips_is_met_at_the_change() -> None:
    half_past_two = cron.parse("30 2 * * *")

    found = cron.previous(half_past_two, BERLIN, at("2026-03-29T12:00", BERLIN))

    assert found == at("2026-03-29T03:00", BERLIN) == at("2026-03-29T01:00")


def test_a_time_that_comes_twice_is_met_the_first_time() -> None:
    half_past_two = cron.parse("30 2 * * *")

    found = cron.previous(half_past_two, BERLIN, at("2026-10-25T12:00", BERLIN))

    assert found == at("2026-10-25T00:30")


def test_nine_in_the_morning_is_nine_by_the_wall_clock_in_summer_and_winter() -> None:
    nine = cron.parse("0 9 * * *")

    assert cron.previous(nine, BERLIN, at("2026-07-01T12:00")) == at("2026-07-01T07:00")
    assert cron.previous(nine, BERLIN, at("2026-12-01T12:00")) == at("2026-12-01T08:00")


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("0 9 * *", "4 fields"),
        ("60 9 * * *", "minute '60': '60' is not a number from 0 to 59"),
        ("0 9 * * funday", "weekday 'funday'"),
        ("0 17-9 * * *", "hour '17-9': 17 comes after 9"),
        ("*/0 * * * *", "minute '*/0'"),
        ("0 9 -1 * *", "day '-1'"),
    ],
)
def test_a_wrong_field_is_named(expression: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"^.*") as caught:
        cron.parse(expression)

    assert complaint in str(caught.value)


@given(
    st.floats(at("2020-01-01T00:00"), at("2035-01-01T00:00")),
    st.sampled_from(["0 9 * * *", "30 2 * * *", "*/7 1-3 * * sun"]),
)
def test_previous_and_following_enclose_every_moment(now: float, expression: str) -> None:
    parsed = cron.parse(expression)

    before, after = cron.previous(parsed, BERLIN, now), cron.following(parsed, BERLIN, now)

    assert before is not None
    assert after is not None
    assert before <= now < after
    assert cron.following(parsed, BERLIN, before) == after


@pytest.mark.parametrize(
    ("expression", "has_any"),
    [
        ("0 0 29 2 *", True),
        ("0 0 30 2 *", False),
        ("0 0 31 4,6 *", False),
        ("0 0 31 4,5 *", True),
        ("0 0 30 2 mon", True),
    ],
)
def test_it_is_known_whether_there_is_such_a_day(expression: str, has_any: bool) -> None:
    parsed = cron.parse(expression)

    assert parsed.ever is has_any
    assert (cron.following(parsed, BERLIN, at("2026-01-01T00:00")) is not None) is has_any


def test_every_minute_of_a_month_is_found_without_reckoning_each_day_anew() -> None:
    each = cron.parse("* * * * *")
    cron._times.cache_clear()

    for look in range(100):
        cron.previous(each, BERLIN, at("2026-07-01T12:00") + 5.0 * look)

    assert cron._times.cache_info().misses <= 2
