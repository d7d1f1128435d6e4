"""What a pod with sessions carries, and what is taken from it when it has none."""

from __future__ import annotations

import pytest

from autoscaler.pods import BUSY_COST, COST, NAMED_COST, PROTECTION
from autoscaler.protection import lacking, left_over
from tests.autoscaler.kubernetes_builders import a_pod

WHOLE = {**PROTECTION, COST: str(BUSY_COST)}


@pytest.mark.parametrize(
    ("there", "written"),
    [
        ({}, WHOLE),
        (PROTECTION, {COST: str(BUSY_COST)}),
        ({COST: str(NAMED_COST)}, WHOLE),
        ({COST: "7"}, PROTECTION),
        (WHOLE, {}),
    ],
    ids=["nothing", "no cost", "named by an abandoned removal", "the cost of somebody else", "all of it"],
)
def test_a_busy_pod_gets_what_it_lacks(there: dict[str, str], written: dict[str, str]) -> None:
    assert lacking(a_pod(annotations=dict(there))) == written


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({}, set()),
        (WHOLE, set(WHOLE)),
        ({**PROTECTION, COST: str(NAMED_COST)}, set(PROTECTION)),
        ({COST: "7"}, set()),
    ],
    ids=["nothing", "all of it", "named since", "the cost of somebody else"],
)
def test_an_idle_pod_keeps_nothing_of_ours(there: dict[str, str], taken: set[str]) -> None:
    assert left_over(a_pod(annotations=dict(there))) == dict.fromkeys(taken)
