"""Notes on NetworkPolicies."""

from __future__ import annotations

from moorage.cli.findings import Grade
from moorage.cli.installation import (
    network,
)
from tests.moorage.cli.installation.builders import a_look, meta


def test_it_is_a_note_either_way() -> None:
    there = list(network.examine(a_look(networkpolicies=[{"metadata": meta("m-deny")}])))
    none = list(network.examine(a_look(networkpolicies=[])))

    assert [each.grade for each in there + none] == [Grade.NOTE, Grade.NOTE]
    assert list(network.examine(a_look())) == []
