"""Who went when replicas were lowered."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.casualties import toll
from autoscaler.observation import Phase
from autoscaler.pods import Pod
from tests.autoscaler.kubernetes_builders import a_pod, a_starting_pod

A, B, C, D = (a_pod(name) for name in "abcd")
STARTING = a_starting_pod("starting")
NOBODY: frozenset[str] = frozenset()


def before(*pods: Pod) -> dict[str, Pod]:
    return {pod.uid: pod for pod in pods}


def going(pod: Pod) -> Pod:
    return replace(pod, phase=Phase.TERMINATING)


def uids(*pods: Pod) -> frozenset[str]:
    return frozenset(pod.uid for pod in pods)


def test_the_named_went_and_nobody_else() -> None:
    found = toll(before(A, B, C), before(going(A), C), uids(A, B), NOBODY)

    assert (found.named, found.wrong, found.spared) == (uids(A, B), NOBODY, NOBODY)
    assert found.is_settled


def test_nothing_is_settled_while_nobody_went() -> None:
    found = toll(before(A, B), before(A, B), uids(A), NOBODY)

    assert not found.is_settled


def test_another_pod_that_went_while_a_named_one_is_left_is_a_wrong_victim() -> None:
    found = toll(before(A, B, C), before(A, B), uids(A), NOBODY)

    assert (found.named, found.wrong, found.spared) == (NOBODY, uids(C), uids(A))
    assert found.is_settled


def test_a_starting_pod_is_no_wrong_victim() -> None:
    found = toll(before(A, STARTING), before(A), uids(A), NOBODY)

    assert (found.starting, found.wrong) == (uids(STARTING), NOBODY)
    assert found.is_settled


def test_a_pod_that_was_never_ready_but_carries_sessions_is_a_wrong_victim() -> None:
    found = toll(before(A, STARTING), before(A), uids(A), uids(STARTING))

    assert found.wrong == uids(STARTING)


def test_a_pod_that_went_although_all_the_named_did_went_for_another_reason() -> None:
    found = toll(before(A, B, C), before(B), uids(A), NOBODY)

    assert (found.named, found.wrong) == (uids(A), NOBODY)


def test_an_evicted_pod_is_not_blamed_on_the_removal() -> None:
    found = toll(before(A, B, C), before(A, B, replace(going(C), is_disrupted=True)), uids(A), NOBODY)

    assert found.wrong == NOBODY
    assert not found.is_settled


def test_a_replacement_that_stays_while_another_pod_goes_makes_that_one_a_wrong_victim() -> None:
    found = toll(before(A, B, C), before(going(A), B, D), uids(A), NOBODY, newcomers=uids(D))

    assert (found.named, found.wrong, found.spared) == (uids(A), uids(C), uids(D))


def test_no_more_pods_are_wrong_victims_than_were_spared() -> None:
    found = toll(before(A, B, C, D), before(A), uids(A), NOBODY)

    assert len(found.wrong) == 1
