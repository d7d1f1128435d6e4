"""What is kept of a decision can be read by whoever explains it."""

from __future__ import annotations

import json
from dataclasses import replace
from math import nan

import pytest

from autoscaler.decision import Candidate, Decision, Frozen, Limit, Removal
from autoscaler.observation import Freeze, Health, Observation, Problem, Sample, TargetSeen
from autoscaler.records import Carried, record_of
from scheduler.policy import SchedulerPolicy
from scheduler.scaling import check_decision
from scheduler.values import ScaleAction
from tests.autoscaler.builders import a_request
from tests.builders import NOW, a_worker_id

SEEN = Observation(
    "eu",
    "gpu",
    None,
    3,
    TargetSeen(2, (), (Problem(Freeze.RIVAL, "an HPA has it"),)),
    {"calls": Sample(Health.STALE, nan, NOW - 5.0, "old")},
)
DECISION = Decision(
    "eu",
    "gpu",
    NOW,
    4,
    4,
    retire=(Removal(a_worker_id(1), "m"),),
    winner="rule:calls",
    reason="2 replicas become 4",
    candidates=(Candidate("rule:calls", 4, "32 of 8"),),
    limits=(Limit("maximum", 4, "of the policy"),),
    frozen=(Frozen(Freeze.RIVAL, "an HPA has it"),),
)


def test_inputs_decision_and_what_came_of_it_are_one_document() -> None:
    record = record_of(SEEN, DECISION, Carried(replicas=4, troubles=("cordon: no",)))

    said = json.loads(record.document)

    assert (record.region, record.pool, record.at, record.is_change) == ("eu", "gpu", NOW, True)
    assert said["winner"] == "rule:calls"
    assert said["candidates"] == [{"source": "rule:calls", "workers": 4, "detail": "32 of 8"}]
    assert said["frozen"] == [{"freeze": "rival", "detail": "an HPA has it"}]
    assert said["inputs"]["registry"] is False
    assert said["inputs"]["workers"] is None
    assert (said["inputs"]["waiting"], said["inputs"]["replicas"]) == (3, 2)
    assert said["done"]["replicas"] == 4
    assert said["done"]["troubles"] == ["cordon: no"]


def test_a_number_that_is_none_is_null_and_its_age_is_there() -> None:
    said = json.loads(record_of(SEEN, DECISION, Carried()).document)

    assert said["inputs"]["samples"]["calls"] == {
        "health": "stale",
        "value": None,
        "at": NOW - 5.0,
        "detail": "old",
        "age_seconds": 5.0,
    }


def test_a_look_that_wrote_nothing_is_no_change() -> None:
    assert not record_of(SEEN, DECISION, Carried(troubles=("somebody else was faster",))).is_change


def test_long_lists_are_cut() -> None:
    many = tuple(a_worker_id(number) for number in range(500))

    said = json.loads(record_of(SEEN, DECISION, Carried(cordoned=many)).document)

    assert len(said["done"]["cordoned"]) == 100


@pytest.mark.parametrize("failing", [60, 120, 2_000])
def test_a_document_is_bounded_however_much_fails_at_once_and_keeps_what_won(failing: int) -> None:
    names = [f"rule {number} of the provider's calls" for number in range(failing)]
    samples = {name: Sample(Health.LOST, None, NOW, "p" * 300) for name in names}
    frozen = tuple(Frozen(Freeze.SIGNAL, f"{name} is lost: {'p' * 300}") for name in names)
    wishes = tuple(
        replace(a_request(ScaleAction.HOLD, 2), id=f"scl_{number:026d}", reason="\N{GRINNING FACE}" * 256)
        for number in range(1_000)
    )

    record = record_of(
        replace(SEEN, samples=samples, requests=wishes),
        replace(DECISION, frozen=frozen),
        Carried(troubles=("p" * 500,) * 100),
    )

    check_decision(record, SchedulerPolicy())
    said = json.loads(record.document)
    assert (said["winner"], said["reason"], said["replicas"]) == ("rule:calls", "2 replicas become 4", 4)
    assert said["inputs"]["samples"]
    assert said["inputs"]["workers"] is None
