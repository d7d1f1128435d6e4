"""Budgets that let nobody go."""

from __future__ import annotations

from moorage.cli.findings import Finding
from moorage.cli.installation import (
    disruption,
)
from tests.moorage.cli.installation.builders import a_look, meta


def budget(allowed: int, healthy: int) -> list[Finding]:
    status = {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": 2, "expectedPods": 2}
    return list(disruption.examine(a_look(poddisruptionbudgets=[{"metadata": meta("m-gateway"), "status": status}])))


def test_a_budget_that_lets_one_go_is_silent() -> None:
    assert budget(1, 2) == []


def test_a_budget_that_never_lets_one_go_is_told_from_one_that_waits_for_health() -> None:
    assert "maxUnavailable" in budget(0, 2)[0].advice
    assert "Ready first" in budget(0, 1)[0].advice
