"""A sample's trust goes with its age, and a silence keeps the last value."""

from __future__ import annotations

import pytest

from autoscaler.observation import Health, Sample
from autoscaler.policy import Rule
from autoscaler.signals import followed, judged

RULE = Rule("busy", "sum(busy)", per_worker=8, stale_after=60, lost_after=300)


@pytest.mark.parametrize(
    ("age", "health", "value"),
    [
        (0, Health.OK, 93.0),
        (60, Health.OK, 93.0),
        (61, Health.STALE, 93.0),
        (300, Health.STALE, 93.0),
        (301, Health.LOST, None),
        (-5, Health.OK, 93.0),
    ],
)
def test_a_good_sample_grows_stale_and_then_lost(age: float, health: Health, value: float | None) -> None:
    found = judged(Sample(Health.OK, 93.0, at=1000.0), RULE, now=1000.0 + age)

    assert (health, value) == (found.health, found.value)


def test_what_came_stale_never_turns_good() -> None:
    came = Sample(Health.STALE, 93.0, 1000.0, "a store is away")

    assert came == judged(came, RULE, now=1001.0)


def test_what_is_lost_stays_lost_and_says_why() -> None:
    came = Sample(Health.LOST, None, 1000.0, "empty: no series")

    assert came == judged(came, RULE, now=1000.0)


def test_an_old_sample_says_how_old_it_is() -> None:
    assert "400 s old" in judged(Sample(Health.OK, 93.0, 1000.0), RULE, now=1400.0).detail


def test_a_number_replaces_what_was_known() -> None:
    new = Sample(Health.STALE, 40.0, 1010.0, "a store is away")

    assert new == followed(Sample(Health.OK, 93.0, 1000.0), new)


def test_a_silence_keeps_the_last_value_stale_and_as_old_as_it_is() -> None:
    new = Sample(Health.LOST, None, 1010.0, "empty: no series")

    kept = followed(Sample(Health.OK, 93.0, 1000.0), new)

    assert Sample(Health.STALE, 93.0, 1000.0, "empty: no series") == kept
    assert kept == followed(kept, new)


def test_where_no_number_was_known_a_silence_is_lost() -> None:
    new = Sample(Health.LOST, None, 1010.0, "empty: no series")

    assert new == followed(None, new)
    assert new == followed(Sample(Health.LOST, None, 1000.0, "unreachable"), new)
