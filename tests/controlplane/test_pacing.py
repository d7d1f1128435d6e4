"""Tests of controlplane/pacing.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.pacing import Paced, Pacer
from controlplane.policy import NO_RATE_LIMIT, RateLimit

NOW = 1_800_000_000.0
PER_MINUTE = RateLimit(per_minute=3, per_hour=0)


def paced(pacer: Pacer, limit: RateLimit, now: float, key: str = "key") -> Paced:
    answer = pacer.request(key, limit, now)
    assert answer is not None
    return answer


def test_a_key_without_limits_is_not_paced() -> None:
    assert Pacer().request("key", NO_RATE_LIMIT, NOW) is None


def test_the_whole_limit_may_come_at_once_and_no_more() -> None:
    pacer = Pacer()

    waits = [paced(pacer, PER_MINUTE, NOW).retry_after for _ in range(4)]

    assert waits == [0, 0, 0, pytest.approx(20)]


def test_after_the_time_it_was_told_a_request_fits_again() -> None:
    pacer = Pacer()
    for _ in range(3):
        pacer.request("key", PER_MINUTE, NOW)
    wait = paced(pacer, PER_MINUTE, NOW).retry_after

    assert paced(pacer, PER_MINUTE, NOW + wait).retry_after == 0
    assert paced(pacer, PER_MINUTE, NOW + wait).retry_after > 0


def test_a_refused_request_costs_nothing() -> None:
    pacer = Pacer()
    for _ in range(3):
        pacer.request("key", PER_MINUTE, NOW)

    waits = {paced(pacer, PER_MINUTE, NOW).retry_after for _ in range(5)}

    assert len(waits) == 1


def test_the_longer_window_holds_when_the_shorter_one_would_not() -> None:
    pacer, limit = Pacer(), RateLimit(per_minute=100, per_hour=2)

    waits = [paced(pacer, limit, NOW + index).retry_after for index in range(3)]

    assert waits[:2] == [0, 0]
    assert waits[2] == pytest.approx(1798)


def test_keys_do_not_share_a_limit() -> None:
    pacer, limit = Pacer(), RateLimit(per_minute=1, per_hour=0)
    pacer.request("one", limit, NOW)

    assert paced(pacer, limit, NOW, "other").retry_after == 0


def test_the_headers_tell_limits_what_is_left_and_when_more_comes() -> None:
    pacer, limit = Pacer(), RateLimit(per_minute=2, per_hour=100)

    first, second = (paced(pacer, limit, NOW).headers for _ in range(2))

    assert first["ratelimit-policy"] == '"minute";q=2;w=60, "hour";q=100;w=3600'
    assert first["ratelimit"] == '"minute";r=1;t=0, "hour";r=99;t=0'
    assert second["ratelimit"] == '"minute";r=0;t=30, "hour";r=98;t=0'


def test_a_key_whose_limits_changed_starts_anew() -> None:
    pacer = Pacer()
    for _ in range(3):
        pacer.request("key", PER_MINUTE, NOW)

    assert paced(pacer, RateLimit(3, 10), NOW).retry_after == 0


def test_the_number_of_remembered_keys_is_bounded() -> None:
    pacer, limit = Pacer(keys=2), RateLimit(per_minute=1, per_hour=0)
    for key in ("one", "two", "three"):
        pacer.request(key, limit, NOW)

    assert paced(pacer, limit, NOW, "one").retry_after == 0  # forgotten, in its favour
    assert paced(pacer, limit, NOW, "three").retry_after > 0


@given(st.integers(1, 20), st.lists(st.floats(0, 30), max_size=60))
def test_no_minute_ever_holds_more_than_two_limits(quota: int, gaps: list[float]) -> None:
    pacer, now, allowed = Pacer(), NOW, []
    for gap in gaps:
        now += gap
        if paced(pacer, RateLimit(quota, 0), now).retry_after == 0:
            allowed.append(now)

    for begin in allowed:
        assert sum(begin <= at < begin + 60 for at in allowed) <= 2 * quota
