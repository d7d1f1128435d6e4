"""What people ask of a pool: floors, ceilings, holds, schedules and the maximum, each through time."""

from __future__ import annotations

from autoscaler.observation import Freeze
from autoscaler.policy import Schedule
from scheduler.values import ScaleAction, WorkerState
from tests.autoscaler.builders import NOW, Timeline, a_policy, a_request, a_settled_pool, freezes

HOUR = 3600.0


def test_a_floor_holds_until_it_expires() -> None:
    line = a_settled_pool(4)
    line.requests = (a_request(ScaleAction.SCALE_UP, 5, until=line.now + HOUR),)

    line.run(HOUR - 5.0)
    held = line.replicas
    line.run(2 * HOUR)

    assert (held, line.replicas) == (5, 1)


def test_a_ceiling_stops_growth_and_cordons_down_to_itself_without_cutting() -> None:
    line = a_settled_pool(8, 8, 6, 2)
    line.requests = (a_request(ScaleAction.SCALE_DOWN, 2),)

    decision = line.run(HOUR)

    assert decision.serving == 2
    assert line.removed == []
    assert {3, 4} == {n for n, worker in line.workers.items() if worker.state is WorkerState.CORDONED}


def test_a_ceiling_need_not_wait_until_the_demand_of_the_window_is_known_and_spare_workers_must() -> None:
    line = Timeline().serve(4, 0, 0, 0, 0)
    line.run(line.policy.settle_seconds)
    line.requests = (a_request(ScaleAction.SET, 3),)

    line.run(line.policy.settle_seconds)

    assert line.replicas == 3
    assert 1 not in line.removed
    assert Freeze.SETTLING in freezes(line)


def test_a_hold_changes_no_replicas_in_either_direction() -> None:
    line = a_settled_pool(8, 8, 4)
    line.requests = (a_request(ScaleAction.HOLD, 3),)
    line.written.clear()
    replicas = line.replicas

    line.run(HOUR)
    line.serve(8, 8, 8)
    line.run(HOUR)

    assert replicas == line.replicas
    assert line.written == []


def test_who_sets_a_number_after_a_hold_gets_it_until_that_is_over_and_then_the_hold_is_back() -> None:
    line = a_settled_pool(8, 8, 4)
    replicas = line.replicas
    line.requests = (
        a_request(ScaleAction.HOLD, replicas),
        a_request(ScaleAction.SET, replicas + 3, created_at=NOW + 1),
    )

    line.look()
    raised = line.replicas
    line.requests = line.requests[:1]
    line.look()

    assert raised == replicas + 3
    assert Freeze.REQUEST in freezes(line)


def test_the_maximum_is_above_everything() -> None:
    line = Timeline(a_policy(maximum=3)).serve(8)
    line.waiting = 500
    line.requests = (a_request(ScaleAction.SET, 50),)

    decision = line.look()

    assert decision.replicas == 3
    assert "maximum" in {limit.name for limit in decision.limits}


def test_a_schedule_is_a_floor_while_it_lasts() -> None:
    schedule = Schedule("monday", "0 9 * * mon", "UTC", duration=HOUR, workers=6)
    line = Timeline(a_policy(schedules=(schedule,)), now=NOW - NOW % 86_400.0 + 86_400.0 * 3).serve(1)  # a Monday

    line.run(HOUR)
    before = line.replicas
    line.now = line.now - line.now % 86_400.0 + 9 * HOUR
    line.look()

    assert (before, line.replicas) == (1, 6)
