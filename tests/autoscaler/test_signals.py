"""A sample's trust goes with its age."""

from __future__ import annotations

import pytest

from autoscaler.observation import Health, Sample
from autoscaler.policy import Rule
from autoscaler.signals import judged

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
