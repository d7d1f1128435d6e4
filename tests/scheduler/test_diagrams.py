from __future__ import annotations

from pathlib import Path

from scheduler import diagrams

PAGE = Path(__file__).parents[2] / "docs" / "scheduler.md"


def test_the_documentation_shows_the_tables_as_they_are() -> None:
    page = PAGE.read_text()

    for block in diagrams.all_diagrams().split("\n\n"):
        assert block.strip() in page


def test_a_diagram_draws_every_change_of_state_once() -> None:
    lines = diagrams.claim_diagram().splitlines()

    assert lines[0] == "stateDiagram-v2"
    assert "    reserved --> held: confirm" in lines
    assert len(lines) == len(set(lines))
