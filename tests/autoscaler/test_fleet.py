"""What a pool's workers and members are to each other."""

from __future__ import annotations

import pytest

from autoscaler.fleet import Fleet, survey
from autoscaler.memory import Memory
from autoscaler.observation import MemberSeen, Observation, Phase, TargetSeen, WorkerSeen
from tests.autoscaler.builders import NOW, a_member, a_worker

LEAD = 60.0


def surveyed(workers: list[WorkerSeen], members: list[MemberSeen], memory: Memory | None = None) -> Fleet:
    seen = Observation("eu", "voice", tuple(workers), 0, TargetSeen(len(members), tuple(members)))
    return survey(seen, memory or Memory(), LEAD, NOW)


@pytest.mark.parametrize(("age", "coming", "missing"), [(90.0, 1, 0), (91.0, 0, 1)])
def test_a_ready_member_that_should_long_have_a_worker_is_missing_and_no_supply(
    age: float, coming: int, missing: int
) -> None:
    fleet = surveyed([a_worker(1)], [a_member(1), a_member(2, created_at=NOW - age)])

    assert (coming, missing) == (fleet.coming, len(fleet.missing))


@pytest.mark.parametrize(("age", "coming"), [(180.0, 1), (181.0, 0)])
def test_one_that_is_not_ready_is_waited_for_three_lead_times(age: float, coming: int) -> None:
    starting = a_member(2, Phase.PENDING, created_at=NOW - age)

    fleet = surveyed([a_worker(1)], [a_member(1), starting])

    assert coming == fleet.coming
    assert not fleet.missing


def test_each_worker_that_is_seen_stands_for_those_that_are_missing_too() -> None:
    members = [a_member(number) for number in range(1, 5)]
    memory = Memory(carried={"m3": 5, "m4": 8})

    fleet = surveyed([a_worker(1), a_worker(2)], members, memory)

    assert (fleet.carried, fleet.unseen) == (13, 2.0)


def test_where_no_worker_is_seen_nothing_stands_for_anything() -> None:
    fleet = surveyed([], [a_member(1)], Memory(carried={"m1": 5}))

    assert fleet.unseen == pytest.approx(1.0)
