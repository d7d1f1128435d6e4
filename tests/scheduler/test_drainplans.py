from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.ids import GatewayId, WorkerId
from scheduler.draincover import Places, Seen
from scheduler.drainplans import (
    NEXT,
    UNDONE_FOR,
    Change,
    CordonGateway,
    DrainWorker,
    NoSuchChange,
    UndrainWorker,
    advanced,
    after,
    cancelled,
    forgettable,
    is_in_force,
    is_restless,
    orders,
)
from scheduler.values import Drain, DrainKind, DrainPlan, DrainState, WorkerState, WorkerView
from tests.scheduler.builders import START, a_plan
from tests.scheduler.fleetviews import a_gateway_view, a_view

ONE = WorkerId("wrk_one")
GATE = GatewayId("gtw_one")
DEADLINE = START + 60.0


def of_worker(worker: WorkerId = ONE, deadline: float = DEADLINE) -> DrainPlan:
    return a_plan(kind=DrainKind.WORKER, worker=worker, deadline=deadline)


def of_gateway() -> DrainPlan:
    return a_plan(kind=DrainKind.GATEWAY, gateway=GATE)


def undone(plan: DrainPlan, at: float = START) -> DrainPlan:
    return replace(cancelled(plan), ended_at=at)


def done(plan: DrainPlan, at: float = START) -> DrainPlan:
    return replace(plan, state=DrainState.DONE, ended_at=at)


@pytest.mark.parametrize("state", DrainState)
@pytest.mark.parametrize("change", Change)
def test_what_the_table_does_not_have_is_refused_by_name(state: DrainState, change: Change) -> None:
    if (state, change) in NEXT:
        assert after(state, change) is NEXT[state, change]
    else:
        with pytest.raises(NoSuchChange, match=f"{state.value} knows no {change.value}"):
            after(state, change)


# what is to be done


@pytest.mark.parametrize(
    ("plan", "drained"),
    [
        (of_worker(), ["wrk_one"]),
        (a_plan(region="eu", pool="gpu"), ["wrk_one", "wrk_two"]),
        (a_plan(kind=DrainKind.REGION, region="eu"), ["wrk_one", "wrk_two", "wrk_cpu"]),
        (a_plan(region="eu", pool="none"), []),
    ],
    ids=["worker", "pool", "region", "nothing"],
)
def test_a_plan_drains_what_it_covers(plan: DrainPlan, drained: list[str]) -> None:
    workers = [a_view(), a_view("wrk_two"), a_view("wrk_cpu", pool="cpu"), a_view("wrk_us", region="us")]

    found = orders([plan], Seen(workers), START)

    assert found == [DrainWorker(WorkerId(worker), Drain(DEADLINE, 10.0)) for worker in drained]


def test_what_is_as_it_should_be_needs_no_order() -> None:
    assert orders([a_plan()], Seen([a_view(drained_until=DEADLINE)]), START) == []


@pytest.mark.parametrize("state", [WorkerState.RETIRED])
def test_a_retired_worker_is_left_alone(state: WorkerState) -> None:
    assert orders([a_plan()], Seen([a_view(state=state)]), START) == []


def test_of_several_drains_the_earliest_deadline_holds() -> None:
    plans = [a_plan(deadline=DEADLINE), of_worker(deadline=DEADLINE - 30), a_plan(kind=DrainKind.REGION)]

    [order] = orders(plans, Seen([a_view(drained_until=DEADLINE)]), START)

    assert order == DrainWorker(ONE, Drain(DEADLINE - 30, 10.0))


@pytest.mark.parametrize("kind", [DrainKind.POOL, DrainKind.REGION])
def test_a_place_that_is_done_drains_what_joins_later(kind: DrainKind) -> None:
    [order] = orders([done(a_plan(kind=kind))], Seen([a_view()]), START)

    assert order == DrainWorker(ONE, Drain(DEADLINE, 10.0))


def test_a_worker_that_was_emptied_and_serves_again_is_left_alone() -> None:
    assert orders([done(of_worker())], Seen([a_view()]), START) == []


@pytest.mark.parametrize("plan", [a_plan(), of_worker(), a_plan(kind=DrainKind.REGION)])
def test_a_cancelled_drain_lets_its_workers_serve_again(plan: DrainPlan) -> None:
    found = orders([cancelled(plan)], Seen([a_view(drained_until=DEADLINE)]), START)

    assert found == [UndrainWorker(ONE)]


@pytest.mark.parametrize("other", [done(of_worker()), of_worker(), a_plan(kind=DrainKind.REGION)])
def test_a_worker_that_another_drain_covers_stays_drained(other: DrainPlan) -> None:
    assert orders([cancelled(a_plan()), other], Seen([a_view(drained_until=DEADLINE)]), START) == []


def test_a_worker_that_an_operator_cordoned_is_not_uncordoned_by_a_cancellation() -> None:
    assert orders([cancelled(a_plan())], Seen([a_view(state=WorkerState.CORDONED)]), START) == []


def test_an_order_that_crossed_the_cancellation_is_undone_but_not_what_comes_later() -> None:
    plan, seen = undone(a_plan()), Seen([a_view(drained_until=DEADLINE)])

    assert orders([plan], seen, START + UNDONE_FOR - 1) == [UndrainWorker(ONE)]
    assert orders([plan], seen, START + UNDONE_FOR) == []


def test_a_gateway_is_cordoned_until_its_drain_is_cancelled() -> None:
    plan = of_gateway()
    taking, cordoned = a_gateway_view(GATE), a_gateway_view(GATE, is_cordoned=True)

    assert orders([plan], Seen([], [taking, a_gateway_view("gtw_two")]), START) == [CordonGateway(GATE, True)]
    assert orders([done(plan)], Seen([], [taking]), START) == [CordonGateway(GATE, True)]
    assert orders([done(plan)], Seen([], [cordoned]), START) == []
    assert orders([cancelled(plan)], Seen([], [cordoned]), START) == [CordonGateway(GATE, False)]
    assert orders([cancelled(plan), of_gateway()], Seen([], [cordoned]), START) == []


# how far it is


def seen_at(plan: DrainPlan, now: float, *workers: WorkerView, told: int = 0) -> DrainPlan:
    return advanced(plan, Places(Seen(workers)).of(plan), now, told)


def test_a_drain_waits_moves_and_is_done() -> None:
    plan = a_plan()
    busy, empty = a_view(held=2, suspended=1, drained_until=DEADLINE), a_view(drained_until=DEADLINE)

    waits = seen_at(plan, DEADLINE - 1, busy)
    moves = seen_at(waits, DEADLINE, busy)
    further = seen_at(moves, DEADLINE + 1, replace(busy, held=1), told=1)
    ends = seen_at(further, DEADLINE + 2, empty)

    assert (waits.state, waits.sessions_left) == (DrainState.WAITING, 3)
    assert moves.state is DrainState.MOVING
    assert (further.state, further.sessions_left, further.sessions_told) == (DrainState.MOVING, 2, 1)
    assert (ends.state, ends.sessions_left, ends.ended_at) == (DrainState.DONE, 0, DEADLINE + 2)


def test_what_is_empty_before_the_deadline_is_done_before_it() -> None:
    plan = seen_at(of_worker(), START + 1, a_view(drained_until=DEADLINE))

    assert (plan.state, plan.ended_at) == (DrainState.DONE, START + 1)


def test_nothing_is_done_while_something_may_still_come() -> None:
    assert seen_at(a_plan(), START, a_view(drained_until=DEADLINE), a_view("wrk_two")).state is DrainState.WAITING


def test_what_is_gone_is_empty() -> None:
    assert seen_at(of_worker(), START).state is DrainState.DONE


def test_a_gateway_is_done_when_nothing_is_attached_through_it() -> None:
    plan = of_gateway()

    states = [
        advanced(plan, Places(Seen([], views)).of(plan), START).state
        for views in ([a_gateway_view(GATE)], [a_gateway_view(GATE, 1, is_cordoned=True)])
    ]
    empty = advanced(plan, Places(Seen([], [a_gateway_view(GATE, is_cordoned=True)])).of(plan), START)

    assert states == [DrainState.WAITING, DrainState.WAITING]
    assert empty.state is DrainState.DONE


@pytest.mark.parametrize("over", [undone(a_plan()), done(of_worker())])
def test_a_drain_that_is_over_stays_as_it_ended(over: DrainPlan) -> None:
    assert seen_at(over, DEADLINE + 100, a_view(held=5, drained_until=DEADLINE), told=3) == over


def test_a_place_that_is_done_moves_who_came_before_it_was_shut() -> None:
    over = done(a_plan())

    serving = seen_at(over, DEADLINE + 100, a_view(held=5))
    shut = seen_at(over, DEADLINE + 100, a_view(held=5, drained_until=DEADLINE))

    assert serving == over
    assert (shut.state, shut.sessions_left, shut.ended_at) == (DrainState.MOVING, 5, None)


def test_only_what_has_something_to_do_is_restless() -> None:
    plan = a_plan()

    assert [is_restless(one) for one in (plan, done(plan), cancelled(plan), undone(plan))] == [True, False, True, False]


def test_a_cancelled_drain_has_ended_once_it_is_undone() -> None:
    plan = cancelled(a_plan())

    assert plan.ended_at is None
    assert seen_at(plan, START + 2).ended_at == START + 2


def test_cancelling_twice_is_refused() -> None:
    with pytest.raises(NoSuchChange):
        cancelled(cancelled(a_plan()))


# how long it is kept


def test_a_drain_that_holds_nothing_is_forgotten_in_time() -> None:
    old, young, runs = undone(a_plan(), START), undone(a_plan(), START + 50), a_plan()

    assert forgettable([old, young, runs], Places(Seen([])), START + 100, 100.0, 10) == [old]


def test_a_pool_that_is_done_is_remembered_while_it_keeps_workers_from_serving() -> None:
    plan = done(a_plan())

    held = Places(Seen([a_view(drained_until=DEADLINE)]))
    gone = Places(Seen([]))
    assert is_in_force(plan, held.of(plan))
    assert forgettable([plan], held, START + 1000, 100.0, 10) == []
    assert forgettable([plan], gone, START + 1000, 100.0, 10) == [plan]


def test_of_too_many_the_oldest_are_forgotten_first() -> None:
    plans = [undone(a_plan(), START + age) for age in (3, 1, 2)]

    assert forgettable(plans, Places(Seen([])), START + 5, 100.0, 1) == [plans[1], plans[2]]
