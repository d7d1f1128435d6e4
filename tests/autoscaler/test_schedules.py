"""A schedule holds from each occurrence on, for its duration."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autoscaler.policy import Schedule
from autoscaler.schedules import begins, in_force

NIGHT = Schedule("night", "0 22 * * *", "UTC", duration=4 * 3600.0, workers=3)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        ("2026-11-22T21:59:59", False),
        ("2026-11-22T22:00:00", True),
        ("2026-11-23T01:59:59", True),
        ("2026-11-23T02:00:00", False),
    ],
)
def test_it_holds_over_midnight_and_no_longer_than_its_duration(now: str, holds: bool) -> None:
    assert in_force(NIGHT, at(now)) is holds


def test_when_it_begins_next() -> None:
    assert begins(NIGHT, at("2026-11-22T22:00:00")) == at("2026-11-23T22:00:00")
