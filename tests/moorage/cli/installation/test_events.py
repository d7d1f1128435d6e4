"""Warnings of the last hour, and how events are read."""

from __future__ import annotations

from moorage.cli.findings import Grade
from moorage.cli.installation import (
    events,
)
from tests.moorage.cli.installation.builders import NOW, a_deployment, a_look, an_event


def test_warnings_of_the_last_hour_are_grouped_and_counted() -> None:
    told = [
        an_event("m-moorage-gateway-1-a", "Unhealthy", "Readiness probe failed", count=3, ago=30),
        an_event("m-moorage-gateway-1-b", "Unhealthy", "Readiness probe failed: 503", count=2, ago=10),
        an_event("m-moorage-gateway-1-a", "BackOff", "Back-off", ago=4000),
        an_event("somebody-else", "Unhealthy", "not ours"),
    ]

    [found] = events.warnings(a_look(deployments=[a_deployment()], events=told))

    expected = "Unhealthy 5 x in the last hour, Pod m-moorage-gateway-1-a and 1 more: Readiness probe failed: 503"
    assert (found.grade, found.sentence) == (Grade.WARN, expected)


def test_only_so_many_groups_are_shown() -> None:
    told = [an_event("m-moorage-gateway", f"Reason{number}", "x") for number in range(events.MOST + 3)]

    found = events.warnings(a_look(deployments=[a_deployment()], events=told))

    assert len(found) == events.MOST + 1
    assert found[-1].sentence == "3 more kinds of warnings"


def test_an_event_of_the_newer_kind_is_read_too() -> None:
    said = {"metadata": {"name": "x"}, "regarding": {"name": "m", "kind": "Pod"}, "note": "n", "eventTime": None}
    series = said | {"series": {"count": 7, "lastObservedTime": "2026-06-01T12:00:00.000000Z"}}

    assert (events.at(series), events.times(series), events.at(said)) == (NOW, 7, 0.0)
