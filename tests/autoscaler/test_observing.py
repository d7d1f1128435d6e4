"""Which worker is which member, and what stays unknown."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.observation import MemberSeen, Phase, TargetSeen
from autoscaler.observing import observation, registry_seen, workers_seen
from autoscaler.policy import LocalTarget, PoolPolicy
from moorage.ids import WorkerId
from scheduler.values import Kubernetes, WorkerState, WorkerView
from tests.builders import NOW, a_worker_id
from tests.scheduler.builders import a_scale_request

POLICY = PoolPolicy("eu", "gpu", LocalTarget(()), slots=8)


def a_view(
    number: int, member: str | None = "a", state: WorkerState = WorkerState.SERVING, at: float = 1.0
) -> WorkerView:
    pod = Kubernetes("here", f"pod-{member}", member) if member is not None else None
    return WorkerView(
        a_worker_id(number), f"w{number}", "eu", "gpu", "", 8, state, frozenset(), "", 1, 2, 3, 0.0, at, at, pod, None
    )


def a_target(*members: str) -> TargetSeen:
    return TargetSeen(len(members), tuple(MemberSeen(each, each, Phase.RUNNING, True, 0.0) for each in members))


def matched(*views: WorkerView, target: TargetSeen | None) -> dict[WorkerId, str | None]:
    return {worker.worker: worker.member for worker in workers_seen(views, target)}


def test_a_worker_is_the_member_that_it_says_it_is() -> None:
    assert matched(a_view(1, "a"), a_view(2, "b"), target=a_target("a", "b")) == {
        a_worker_id(1): "a",
        a_worker_id(2): "b",
    }


def test_a_worker_without_a_member_or_of_another_target_is_none() -> None:
    assert matched(a_view(1, None), a_view(2, "elsewhere"), target=a_target("a")) == {
        a_worker_id(1): None,
        a_worker_id(2): None,
    }


def test_two_live_workers_of_one_member_are_none_so_that_neither_is_removed() -> None:
    assert matched(a_view(1), a_view(2), target=a_target("a")) == {a_worker_id(1): None, a_worker_id(2): None}


def test_the_one_before_a_restart_in_the_same_pod_is_none_and_the_new_one_is_the_pod() -> None:
    old, new = a_view(1, state=WorkerState.LOST), a_view(2, at=2.0)

    assert matched(old, new, target=a_target("a")) == {a_worker_id(1): None, a_worker_id(2): "a"}


def test_of_two_retired_ones_the_newest_is_the_member() -> None:
    old, new = a_view(1, state=WorkerState.LOST), a_view(2, state=WorkerState.RETIRED, at=2.0)

    assert matched(new, old, target=a_target("a")) == {a_worker_id(1): None, a_worker_id(2): "a"}


def test_while_the_target_cannot_be_read_a_claim_stands() -> None:
    assert matched(a_view(1, "a"), target=None) == {a_worker_id(1): "a"}


def test_all_that_is_reserved_held_and_suspended_is_used() -> None:
    (worker,) = workers_seen([a_view(1)], a_target("a"))

    assert (worker.used, worker.slots) == (6, 8)


def test_a_registry_that_cannot_be_read_is_no_empty_one() -> None:
    assert observation(POLICY, None, a_target("a"), {}, NOW).workers is None


def test_only_its_own_pool_and_requests_in_force_are_seen() -> None:
    others = replace(a_view(2), pool="cpu")
    mine, late, theirs = a_scale_request(), a_scale_request(created_at=0.0), a_scale_request(pool="cpu")
    waiting = {("eu", "gpu"): 5, ("eu", "cpu"): 7}

    seen = observation(
        POLICY,
        registry_seen(NOW, [a_view(1), others], waiting, [mine, late, theirs]),
        a_target("a"),
        {},
        mine.created_at,
    )

    assert [worker.worker for worker in seen.workers or ()] == [a_worker_id(1)]
    assert (seen.waiting, seen.requests) == (5, (mine,))


def test_how_many_came_is_what_the_registry_counts() -> None:
    views = [a_view(1), replace(a_view(2), came=7)]

    assert [worker.came for worker in workers_seen(views, None)] == [0, 7]
