from __future__ import annotations

import pytest

from scheduler.values import WorkerState
from scheduler.workers import (
    NEXT_DUTY,
    NEXT_HEALTH,
    Change,
    Health,
    NoSuchChange,
    duty_after,
    health_after,
    is_matchable,
    is_open,
    shown,
)

DUTIES = (
    WorkerState.STARTING,
    WorkerState.SERVING,
    WorkerState.CORDONED,
    WorkerState.DRAINING,
    WorkerState.RETIRED,
)


def test_the_tables_are_walked() -> None:
    assert all(duty_after(duty, change) is following for (duty, change), following in NEXT_DUTY.items())
    assert all(health_after(health, change) is following for (health, change), following in NEXT_HEALTH.items())


def test_a_change_that_is_not_in_a_table_names_both() -> None:
    with pytest.raises(NoSuchChange, match="retired cannot uncordon"):
        duty_after(WorkerState.RETIRED, Change.UNCORDON)
    with pytest.raises(NoSuchChange, match="lost knows no beat"):
        health_after(Health.LOST, Change.BEAT)


def test_nothing_leads_out_of_retirement() -> None:
    assert [change for (duty, change) in NEXT_DUTY if duty is WorkerState.RETIRED] == [Change.RETIRE]


def test_every_duty_but_the_last_can_be_cordoned_drained_and_retired() -> None:
    for duty in DUTIES[:-1]:
        assert duty_after(duty, Change.CORDON) in (WorkerState.CORDONED, WorkerState.DRAINING)
        assert duty_after(duty, Change.DRAIN) is WorkerState.DRAINING
        assert duty_after(duty, Change.RETIRE) is WorkerState.RETIRED


@pytest.mark.parametrize("duty", DUTIES)
def test_what_people_see_is_the_worse_of_duty_and_health(duty: WorkerState) -> None:
    assert shown(duty, Health.ALIVE) is duty
    assert shown(duty, Health.LOST) is WorkerState.LOST
    is_retired = duty is WorkerState.RETIRED
    assert shown(duty, Health.SUSPECT) is (duty if is_retired else WorkerState.SUSPECT)


def test_only_a_serving_worker_in_good_health_gets_new_sessions() -> None:
    opened = [(duty, health) for duty in DUTIES for health in Health if is_open(duty, health)]

    assert opened == [(WorkerState.SERVING, Health.ALIVE)]


def test_waiters_may_hope_for_all_but_retired_and_lost_ones() -> None:
    hopeless = {(duty, health) for duty in DUTIES for health in Health if not is_matchable(duty, health)}

    assert hopeless == {(duty, Health.LOST) for duty in DUTIES} | {(WorkerState.RETIRED, health) for health in Health}
