"""All checks together."""

from __future__ import annotations

from moorage.cli.findings import Grade
from moorage.cli.installation import (
    judging,
)
from tests.moorage.cli.installation.builders import a_deployment, a_look


def test_what_may_not_be_read_is_one_line_a_reason_and_blindness_fails() -> None:
    why = "bob may not read them"
    some, all_of_it = a_look(unread={"events": why, "secrets": why}), a_look(unread={"pods": why})

    [partly], [blind] = judging.unread(some), judging.unread(all_of_it)

    assert (partly.grade, partly.sentence) == (Grade.WARN, f"could not look at events, secrets: {why}")
    assert blind.grade is Grade.FAIL


def test_everything_is_judged_of_a_release_in_order() -> None:
    seen = a_look(deployments=[a_deployment(), a_deployment("controlplane")], services=[])

    assert [each.subject for each in judging.judge(seen)][:1] == ["release"]
