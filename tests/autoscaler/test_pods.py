"""What a pod's document says, and who goes first."""

from __future__ import annotations

import pytest

from autoscaler.observation import Phase
from autoscaler.pods import COST, DETACHED, NAMED_COST, PROTECTION, in_front, member_of, pod_of, rank
from tests.autoscaler.kubernetes_builders import a_pod, a_pod_document, a_starting_pod


def test_a_ready_pod_is_a_running_member_that_is_known_by_its_uid() -> None:
    pod = a_pod("web-1-a")

    member = member_of(pod)

    assert (member.member, member.name, member.phase, member.is_ready) == (
        "uid-web-1-a",
        "web-1-a",
        Phase.RUNNING,
        True,
    )
    assert pod.ready_at is not None
    assert pod.ready_at - member.created_at == 20.0


@pytest.mark.parametrize(
    ("said", "phase"),
    [
        ({"phase": "Pending"}, Phase.PENDING),
        ({"phase": "Pending", "waiting": "ContainerCreating"}, Phase.PENDING),
        ({"phase": "Pending", "waiting": "ImagePullBackOff"}, Phase.FAILING),
        ({"phase": "Running", "waiting": "CrashLoopBackOff"}, Phase.FAILING),
        ({"deleted": "2026-11-22T11:00:00Z"}, Phase.TERMINATING),
        ({"phase": "Failed"}, Phase.TERMINATING),
    ],
)
def test_a_pods_phase_is_what_its_replica_set_makes_of_it(said: dict[str, str], phase: Phase) -> None:
    assert a_pod(**said).phase is phase


def test_a_pod_that_was_ready_once_is_started_and_one_that_never_was_is_not() -> None:
    shaken = a_pod(is_ready=False, ready="2026-11-22T10:05:00Z")
    new = a_pod(is_ready=False, ready="2026-11-22T10:00:00Z")

    assert shaken.is_started
    assert not new.is_started
    assert not a_starting_pod("web-1-b").is_started


@pytest.mark.parametrize(("said", "cost"), [("-5", -5), ("", 0), ("many", 0), ("7", 7)])
def test_a_deletion_cost_that_is_no_number_counts_as_none(said: str, cost: int) -> None:
    assert a_pod(annotations={COST: said}).cost == cost


def test_protection_counts_only_when_every_annotation_is_there() -> None:
    half = dict(list(PROTECTION.items())[:1])

    assert a_pod(annotations=dict(PROTECTION)).is_protected
    assert not a_pod(annotations=half).is_protected


def test_pods_go_unscheduled_first_then_pending_then_unready_then_cheap() -> None:
    unscheduled = a_pod("a", phase="Pending", node=None, ready=None)
    pending = a_starting_pod("b")
    unready = a_pod("c", is_ready=False)
    cheap = a_pod("d", annotations={COST: "-1"})
    plain = a_pod("e")

    assert sorted([plain, cheap, unready, pending, unscheduled], key=rank) == [
        unscheduled,
        pending,
        unready,
        cheap,
        plain,
    ]


def test_only_pods_that_could_go_instead_of_the_named_are_in_front_of_them() -> None:
    named = a_pod("named", annotations={COST: str(NAMED_COST)})
    unready = a_pod("unready", is_ready=False)
    gone = a_pod("gone", is_ready=False, deleted="2026-11-22T11:00:00Z")
    ready = a_pod("ready")

    assert in_front([named, unready, gone, ready], frozenset({named.uid})) == [unready]
    assert in_front([ready], frozenset({named.uid})) == []


def test_a_detached_pod_has_no_owner_and_says_so() -> None:
    pod = a_pod(owner=None, labels={"app": "web", DETACHED: "true"})

    assert pod.owner is None
    assert pod.is_detached
    assert pod.template_hash is None


def test_a_document_without_a_uid_is_an_error_and_one_with_nothing_else_is_a_pending_pod() -> None:
    with pytest.raises(ValueError, match="without name and uid"):
        pod_of({"metadata": {"name": "a"}})

    bare = pod_of({"metadata": {"name": "a", "uid": "u"}})

    assert bare.phase is Phase.PENDING
    assert not bare.is_scheduled


def test_a_pod_that_was_evicted_says_that_no_scale_in_took_it() -> None:
    document = a_pod_document()
    document["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True"})

    assert pod_of(document).is_disrupted
