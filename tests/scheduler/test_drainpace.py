from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.ids import GatewayId
from scheduler.draincover import Seen
from scheduler.drainpace import BURST_SECONDS, Pace, accrued, allowed, spent, targets
from scheduler.values import DrainKind, DrainPlan, DrainState
from tests.scheduler.builders import START, a_plan
from tests.scheduler.fleetviews import a_gateway_view, a_view

STEP = 0.25
GATE = GatewayId("gtw_one")


def run(
    rates: dict[str, float], rate_of_all: float, seconds: float, *, pace: Pace | None = None, every: float = STEP
) -> list[dict[str, int]]:
    """What is told in each step while there is always somebody to tell."""
    pace, steps = pace or Pace(), []
    for step in range(int(seconds / every) + 1):
        pace = accrued(pace, rates, rate_of_all, step * every)
        told, pace = allowed(pace, dict.fromkeys(rates, 1_000_000))
        pace = spent(pace, told)
        steps.append(told)
    return steps


def total(steps: list[dict[str, int]], id_: str) -> int:
    return sum(step[id_] for step in steps)


@pytest.mark.parametrize("rate", [0.5, 4.0, 10.0, 333.0])
def test_a_drain_tells_at_its_rate(rate: float) -> None:
    steps = run({"one": rate}, 10_000.0, 20.0)

    assert total(steps, "one") == pytest.approx(rate * 20, abs=1)
    assert max(sum(step["one"] for step in steps[at : at + 4]) for at in range(78)) <= rate + 1


def test_several_drains_share_the_rate_of_all_evenly() -> None:
    steps = run({"a": 100.0, "b": 100.0, "c": 100.0}, 30.0, 20.0)

    assert [total(steps, id_) for id_ in "abc"] == pytest.approx([200, 200, 200], abs=3)


def test_what_a_slow_drain_does_not_need_is_the_others() -> None:
    steps = run({"slow": 2.0, "a": 100.0, "b": 100.0}, 30.0, 20.0)

    assert [total(steps, id_) for id_ in ("slow", "a", "b")] == pytest.approx([40, 280, 280], abs=6)


@pytest.mark.parametrize("rate_of_all", [1.0, 2.0, 3.0, 4.0, 7.0])
def test_single_ones_go_round(rate_of_all: float) -> None:
    steps = run({"a": 50.0, "b": 50.0, "c": 50.0}, rate_of_all, 60.0)

    counts = [total(steps, id_) for id_ in "abc"]
    assert max(counts) - min(counts) <= 1
    assert sum(counts) == pytest.approx(rate_of_all * 60, abs=1)


def test_a_step_that_comes_late_tells_half_a_seconds_worth() -> None:
    pace = accrued(Pace(), {"one": 10.0}, 100.0, 0.0)

    pace = accrued(pace, {"one": 10.0}, 100.0, 3600.0)

    assert allowed(pace, {"one": 1000})[0] == {"one": 5}
    assert BURST_SECONDS == 0.5


def test_a_slow_drain_saves_up_for_one() -> None:
    steps = run({"one": 0.1}, 100.0, 30.0)

    assert total(steps, "one") == 3


def test_one_that_takes_over_begins_with_nothing() -> None:
    assert run({"one": 10.0}, 100.0, 0.0) == [{"one": 0}]


def test_who_is_not_there_to_be_told_costs_nothing() -> None:
    pace = accrued(accrued(Pace(), {"one": 10.0}, 100.0, 0.0), {"one": 10.0}, 100.0, 1.0)

    pace = spent(pace, {"one": 2})

    assert allowed(pace, {"one": 1000})[0] == {"one": 3}


def test_a_clock_that_steps_back_earns_and_costs_nothing() -> None:
    pace = accrued(accrued(Pace(), {"one": 10.0}, 100.0, 0.0), {"one": 10.0}, 100.0, 1.0)

    assert allowed(accrued(pace, {"one": 10.0}, 100.0, -50.0), {"one": 1000})[0] == {"one": 5}


def test_no_more_are_told_than_are_there() -> None:
    pace = replace(Pace(), at=0.0, credit=100.0, credits={"one": 100.0})

    assert allowed(pace, {"one": 3})[0] == {"one": 3}


# where


def moving(plan: DrainPlan) -> DrainPlan:
    return replace(plan, state=DrainState.MOVING)


def found(plans: list[DrainPlan], seen: Seen) -> dict[str, list[str]]:
    return {id_: [str(target.of) for target in targets_] for id_, targets_ in targets(plans, seen).items()}


def test_the_worker_with_the_fewest_sessions_comes_first_and_empty_ones_not_at_all() -> None:
    plan = moving(a_plan())
    workers = [a_view("wrk_a", held=9), a_view("wrk_b", held=2), a_view("wrk_c", suspended=5)]

    assert found([plan], Seen(workers)) == {plan.id: ["wrk_b", "wrk_a"]}


def test_a_drain_before_its_deadline_tells_nobody() -> None:
    assert targets([a_plan()], Seen([a_view(held=3)])) == {}


def test_a_worker_is_the_most_specific_drains() -> None:
    pool, region = moving(a_plan()), moving(a_plan(kind=DrainKind.REGION))
    one = moving(a_plan(kind=DrainKind.WORKER, worker=a_view("wrk_one").worker))
    seen = Seen([a_view("wrk_one", held=1), a_view("wrk_two", held=1), a_view("wrk_cpu", pool="cpu", held=1)])

    assert found([region, pool, one], seen) == {one.id: ["wrk_one"], pool.id: ["wrk_two"], region.id: ["wrk_cpu"]}


def test_a_gateways_sessions_go_where_another_gateway_takes_them() -> None:
    plan = moving(a_plan(kind=DrainKind.GATEWAY, gateway=GATE))
    mine = a_gateway_view(GATE, 4, is_cordoned=True)

    with_other = targets([plan], Seen([], [mine, a_gateway_view("gtw_two")]))

    assert [(target.of, target.attached) for target in with_other[plan.id]] == [(GATE, 4)]


def test_a_gateways_sessions_stay_where_no_other_gateway_takes_them() -> None:
    plan = moving(a_plan(kind=DrainKind.GATEWAY, gateway=GATE))
    others = [a_gateway_view("gtw_two", is_cordoned=True), a_gateway_view("gtw_three", is_live=False)]

    assert targets([plan], Seen([], [a_gateway_view(GATE, 4, is_cordoned=True), *others])) == {plan.id: []}


def test_plans_are_told_apart_at_any_instant() -> None:
    plan = moving(a_plan())

    pace = accrued(Pace(at=START, credits={"gone": 5.0}), {plan.id: 1.0}, 1.0, START + 1)

    assert set(pace.credits) == {plan.id}
