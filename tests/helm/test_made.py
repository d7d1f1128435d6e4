from __future__ import annotations

from helm.__main__ import stale


def test_the_charts_readme_and_schema_are_those_of_its_values() -> None:
    assert stale() == [], "run make chart-docs"
