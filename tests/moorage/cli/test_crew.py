"""How many workers `moorage up` may have, by what was said of it, and how they are started."""

from __future__ import annotations

import pytest

from moorage.cli.crew import Doors, crew_policy, crew_recipe, crew_size
from moorage.cli.settings import WorkersGroup
from moorage.cli.sources import WrongSetting


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ({}, (2, 2)),
        ({"count": 0}, (0, 0)),
        ({"count": 4}, (4, 4)),
        ({"maximum": 6}, (2, 6)),
        ({"maximum": 1}, (1, 1)),
        ({"minimum": 4}, (4, 4)),
        ({"minimum": 1}, (1, 2)),
        ({"minimum": 1, "maximum": 6}, (1, 6)),
        ({"minimum": 0, "maximum": 3}, (0, 3)),
        ({"count": 9, "minimum": 1, "maximum": 6}, (1, 6)),
    ],
)
def test_minimum_and_maximum_follow_from_what_was_said(said: dict[str, int], size: tuple[int, int]) -> None:
    assert crew_size(WorkersGroup(**said)) == size


def test_more_at_least_than_at_most_is_refused_by_name() -> None:
    with pytest.raises(WrongSetting, match=r"workers\.minimum \(--min-workers\) is 5: it may be at most 3"):
        crew_size(WorkersGroup(minimum=5, maximum=3))


def test_what_takes_a_second_to_start_is_not_saved_up_for_a_quarter_of_an_hour() -> None:
    policy = crew_policy(WorkersGroup(slots=4, free_slots=3, shrink_after_seconds=20.0, maximum=6))

    assert (policy.region, policy.pool, policy.slots) == ("local", "default", 4)
    assert (policy.buffer_slots, policy.down_window, policy.every) == (3, 20.0, 1.0)


def test_a_member_gets_the_key_by_its_environment_and_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_GATEWAY__PORT", "1")

    recipe = crew_recipe(WorkersGroup(), Doors("ws://here/link", "jk_secret", "/tls.pem"), "info")

    assert "jk_secret" not in " ".join(recipe.command)
    assert recipe.environment["MOORAGE_JOIN_KEY"] == "jk_secret"
    assert recipe.environment["SSL_CERT_FILE"] == "/tls.pem"
    assert "MOORAGE_GATEWAY__PORT" not in recipe.environment
    assert "jk_secret" not in repr(recipe)
