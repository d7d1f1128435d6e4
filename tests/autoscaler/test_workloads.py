"""Rollouts, pauses and objects that are not there."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.observation import Freeze, Problem
from autoscaler.workloads import missing, problem, replica_sets, workload_of
from tests.autoscaler.kubernetes_builders import Document, a_deployment, a_replica_set


def judged(*sets: Document, known: str | None = None, **said: Any) -> Problem | None:
    workload = workload_of(a_deployment(**said))
    return problem(workload, replica_sets(sets, workload.uid), known)


def test_a_settled_deployment_has_no_problem() -> None:
    assert judged(a_replica_set(), a_replica_set("web-0", wanted=0)) is None


def test_a_paused_deployment_may_grow_and_not_shrink() -> None:
    found = judged(a_replica_set(), spec={"paused": True})

    assert found is not None
    assert (found.freeze, found.blocks_up, found.blocks_down) == (Freeze.MISSING, False, True)


def test_two_replica_sets_with_pods_are_a_rollout() -> None:
    found = judged(a_replica_set(wanted=2), a_replica_set("web-2", wanted=1))

    assert found is not None
    assert found.freeze is Freeze.ROLLOUT
    assert "web-1, web-2" in found.detail


def test_pods_of_an_older_template_are_a_rollout() -> None:
    found = judged(a_replica_set(), status={"updatedReplicas": 1})

    assert found is not None
    assert "2 pods of an older template" in found.detail


def test_a_new_number_of_replicas_that_was_not_seen_yet_is_no_rollout_and_a_new_template_is() -> None:
    known = workload_of(a_deployment()).template

    assert judged(a_replica_set(), generation=5, known=known) is None
    changed = judged(a_replica_set(), generation=5, known=known, spec={"template": {"image": "b"}})
    assert changed is not None
    assert changed.freeze is Freeze.ROLLOUT
    assert judged(a_replica_set(), generation=5, known=None) is not None


def test_replica_sets_of_another_deployment_do_not_count() -> None:
    assert judged(a_replica_set(), a_replica_set("other-1", owner="dep-2")) is None


def test_a_stateful_set_between_two_revisions_is_a_rollout() -> None:
    document = a_deployment(status={"currentRevision": "web-1", "updateRevision": "web-2"})

    found = problem(workload_of(document), (), None)

    assert found is not None
    assert found.freeze is Freeze.ROLLOUT


def test_a_stateful_set_that_loses_a_pod_is_not_rolling_out() -> None:
    document = a_deployment(status={"updatedReplicas": 2, "currentRevision": "web-1", "updateRevision": "web-1"})

    assert problem(workload_of(document), (), None) is None


@pytest.mark.parametrize("status", [{}, {"replicas": 3}])
def test_a_custom_resource_that_says_nothing_of_updates_is_never_rolling_out(status: dict[str, int]) -> None:
    document: Document = {
        "apiVersion": "fleet.example.com/v1",
        "kind": "Crew",
        "metadata": {"name": "web", "uid": "c", "generation": 2},
        "status": status,
    }

    assert problem(workload_of(document), (), None) is None


def test_what_is_missing_can_be_written_in_neither_direction() -> None:
    found = missing("Deployment", "prod", "web")

    assert found.blocks_up
    assert found.blocks_down
    assert "no Deployment web in prod" in found.detail
