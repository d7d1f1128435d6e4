from __future__ import annotations

from dataclasses import replace

import pytest

from controlplane.drains import MAX_RUNNING, DrainWish, eta_seconds, flaw, id_for, is_same, own_drains, rival
from moorage.errors import Code, MoorageError
from moorage.ids import GatewayId, KeyId, WorkerId, is_id
from scheduler.draincover import Seen
from scheduler.drainplans import cancelled
from scheduler.values import DrainKind, DrainPlan, DrainState, WorkerState
from tests.scheduler.builders import START, a_plan
from tests.scheduler.fleetviews import a_gateway_view, a_view

ONE = WorkerId("wrk_one")
GATE = GatewayId("gtw_one")
KEY = KeyId("key_one")


def of_worker(**said: float) -> DrainPlan:
    return a_plan(kind=DrainKind.WORKER, worker=ONE, **said)  # type: ignore[arg-type]


def code(error: MoorageError | None) -> Code | None:
    return None if error is None else error.code


def test_the_same_key_and_name_give_the_same_id_and_others_do_not() -> None:
    assert id_for(KEY, "a") == id_for(KEY, "a")
    assert len({id_for(KEY, "a"), id_for(KEY, "b"), id_for(KeyId("key_two"), "a")}) == 3
    assert is_id("drn", id_for(KEY, "a"))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"deadline_seconds": 61.0}, False),
        ({"rate_per_second": 11.0}, False),
        ({"reason": "other"}, False),
        ({"worker": WorkerId("wrk_two")}, False),
    ],
)
def test_an_order_is_recognised_by_all_it_says(other: dict[str, object], same: bool) -> None:
    wish = DrainWish(DrainKind.WORKER, worker=ONE, deadline_seconds=60.0)
    plan = wish.plan("drn_1", KEY, START)

    assert is_same(plan, replace(wish, **other)) is same  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plan", "seen", "refused"),
    [
        (of_worker(), Seen([a_view()]), None),
        (of_worker(), Seen([]), Code.WORKER_NOT_FOUND),
        (of_worker(), Seen([a_view(state=WorkerState.RETIRED)]), Code.CONFLICT),
        (a_plan(), Seen([a_view()]), None),
        (a_plan(pool="cpu"), Seen([a_view()]), Code.UNPROCESSABLE),
        (a_plan(kind=DrainKind.REGION), Seen([a_view()]), None),
        (a_plan(kind=DrainKind.REGION, region="us"), Seen([a_view()]), Code.UNPROCESSABLE),
    ],
)
def test_only_what_is_there_can_be_drained(plan: DrainPlan, seen: Seen, refused: Code | None) -> None:
    assert code(flaw(plan, [], seen)) is refused


@pytest.mark.parametrize(
    ("gateways", "refused"),
    [
        ([a_gateway_view(GATE), a_gateway_view("gtw_two")], None),
        ([a_gateway_view("gtw_two")], Code.NOT_FOUND),
        ([a_gateway_view(GATE, is_live=False), a_gateway_view("gtw_two")], Code.NOT_FOUND),
        ([a_gateway_view(GATE)], Code.CONFLICT),
        ([a_gateway_view(GATE), a_gateway_view("gtw_two", is_cordoned=True)], Code.CONFLICT),
    ],
)
def test_a_gateway_is_drained_while_another_takes_its_clients(gateways: list[object], refused: Code | None) -> None:
    plan = a_plan(kind=DrainKind.GATEWAY, gateway=GATE)

    assert code(flaw(plan, [], Seen([], gateways))) is refused  # type: ignore[arg-type]


def test_a_second_drain_of_the_same_is_refused_naming_the_first() -> None:
    first = of_worker()

    error = flaw(of_worker(), [first], Seen([a_view()]))

    assert code(error) is Code.CONFLICT
    assert first.id in str(error)


def test_what_was_emptied_can_be_drained_again_once_it_serves() -> None:
    done = replace(of_worker(), state=DrainState.DONE, ended_at=START)

    assert code(flaw(of_worker(), [done], Seen([a_view(drained_until=START)]))) is Code.CONFLICT
    assert flaw(of_worker(), [done], Seen([a_view()])) is None
    assert flaw(of_worker(), [cancelled(of_worker())], Seen([a_view()])) is None


def test_drains_are_bounded_in_number() -> None:
    running = [a_plan(kind=DrainKind.WORKER, worker=WorkerId(f"wrk_{number}")) for number in range(MAX_RUNNING)]

    assert code(flaw(of_worker(), running, Seen([a_view()]))) is Code.CONFLICT


def test_of_two_at_the_same_time_the_first_goes_on() -> None:
    first, second = of_worker(started_at=START), of_worker(started_at=START + 0.1)

    assert rival(second, [first, second]) is first
    assert rival(first, [first, second]) is None
    assert rival(second, [cancelled(first), second]) is None


def test_a_worker_of_a_drained_pool_serves_when_the_pools_drain_is_cancelled() -> None:
    mine = of_worker()

    assert own_drains([mine, cancelled(a_plan())], a_view()) == [mine]
    with pytest.raises(MoorageError, match="drains its pool"):
        own_drains([mine, a_plan()], a_view())


def test_a_drain_says_when_it_will_be_through() -> None:
    plan = replace(of_worker(deadline=START + 60, rate_per_second=5.0), sessions_left=50)

    assert eta_seconds(plan, START) == 70
    assert eta_seconds(plan, START + 100) == 10
    assert eta_seconds(replace(plan, state=DrainState.DONE), START) is None
