from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.placement import Index, Plan
from scheduler.policy import SchedulerPolicy
from scheduler.queue import Pace, Queue, Waiter
from scheduler.shelves import Spot
from scheduler.values import Wanted
from tests.scheduler.builders import a_request

INDEX: Index[Spot] = Index()
ANY = INDEX.plan(Wanted())
GPU = INDEX.plan(Wanted(pools=("gpu",)))
CPU = INDEX.plan(Wanted(pools=("cpu",)))
GPU_SPOT = Spot("eu", "gpu", frozenset(), 1)


def join(queue: Queue, workspace: str = "a", plan: Plan = ANY, now: float = 0.0) -> Waiter:
    waiter = queue.join(a_request(workspace=workspace, wait_seconds=10), plan, now)
    assert waiter is not None
    return waiter


def serve_all(queue: Queue) -> list[Waiter]:
    served = []
    while (waiter := queue.serve(GPU_SPOT, 0.0)) is not None:
        served.append(waiter)
    return served


def test_a_waiter_is_found_by_its_session_and_its_request() -> None:
    queue = Queue(SchedulerPolicy())
    waiter = join(queue)

    assert queue.of_session(waiter.request.session) is waiter
    assert queue.of_request(waiter.request.request) is waiter
    assert list(queue) == [waiter]
    assert waiter.deadline == 10.0


def test_turns_are_counted_over_all_requirements() -> None:
    queue = Queue(SchedulerPolicy())
    a1, a2 = join(queue, "a", ANY), join(queue, "a", GPU)
    b1, b2 = join(queue, "b", GPU), join(queue, "b", ANY)
    join(queue, "c", CPU)

    assert serve_all(queue) == [a1, b1, a2, b2]


def test_a_workspace_that_comes_and_goes_does_not_get_ahead() -> None:
    queue = Queue(SchedulerPolicy())
    patient = join(queue, "patient")
    for _ in range(50):
        queue.leave(join(queue, "jumper"))
    jumper = join(queue, "jumper")

    assert serve_all(queue) == [patient, jumper]


def test_coming_and_going_leaves_no_pile_of_old_entries() -> None:
    queue = Queue(SchedulerPolicy())
    lane = join(queue, "patient").lane

    for number in range(500):
        queue.leave(join(queue, f"jumper{number % 7}"))

    assert len(lane.ring) < 50


def test_a_late_newcomer_does_not_starve_anyone() -> None:
    queue = Queue(SchedulerPolicy())
    first = join(queue, "first")
    second = join(queue, "first")
    served = []
    for number in range(5):
        join(queue, f"new{number}")
        served.append(queue.serve(GPU_SPOT, 0.0))

    assert served[0] is first
    assert second in served


def test_the_bounds_hold_in_all_and_for_a_workspace() -> None:
    queue = Queue(SchedulerPolicy(queue_waiters=3, queue_waiters_per_workspace=2))
    join(queue, "a")
    join(queue, "a")

    assert queue.join(a_request(workspace="a"), ANY, 0.0) is None
    join(queue, "b")
    assert queue.join(a_request(workspace="c"), ANY, 0.0) is None
    assert len(queue) == 3


def test_a_later_connection_keeps_the_place() -> None:
    queue = Queue(SchedulerPolicy())
    waiter, other = join(queue), join(queue)
    again = a_request(waiter.request.session, workspace="a", wait_seconds=5)
    old = waiter.request.request

    queue.take_over(waiter, again, 3.0)

    assert queue.of_request(old) is None
    assert queue.of_request(again.request) is waiter
    assert waiter.deadline == 8.0
    assert serve_all(queue) == [waiter, other]


def test_the_stranded_are_those_without_a_match() -> None:
    queue = Queue(SchedulerPolicy())
    gpu, cpu = join(queue, plan=GPU), join(queue, plan=CPU)

    assert queue.stranded(lambda plan: plan is CPU) == [gpu]
    assert queue.stranded(lambda plan: plan is GPU) == [cpu]
    assert queue.waiting_by_lane() == [(GPU, 1), (CPU, 1)]


def test_the_estimate_is_place_over_pace() -> None:
    queue = Queue(SchedulerPolicy())
    for _ in range(100):
        join(queue)
    last = join(queue)
    assert queue.eta_seconds(last, 0.0) is None

    for second in range(60):
        queue.serve(GPU_SPOT, float(second))

    eta = queue.eta_seconds(last, 59.0)
    assert eta is not None
    assert 30 < eta < 90


def test_a_pace_fades_to_nothing() -> None:
    pace = Pace()
    assert pace.per_second(5.0) == 0.0
    for second in range(600):
        pace.beat(second / 2)

    assert 1.5 < pace.per_second(300.0) < 2.5
    assert pace.per_second(400.0) == 0.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_everybody_is_served_once_in_the_order_of_their_places(workspaces: list[str], dice: random.Random) -> None:
    queue = Queue(SchedulerPolicy())
    waiters = [join(queue, workspace) for workspace in workspaces]
    for waiter in waiters[:]:
        if dice.random() < 0.2:
            queue.leave(waiter)
            waiters.remove(waiter)
    by_place = sorted(waiters, key=queue.position)

    assert sorted(map(queue.position, waiters)) == list(range(1, len(waiters) + 1))
    assert serve_all(queue) == by_place
    assert len(queue) == 0
