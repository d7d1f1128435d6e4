"""Pods beside the registry."""

from __future__ import annotations

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation import (
    registered,
)
from moorage.cli.installation.documents import Document, Registered
from tests.moorage.cli.installation.builders import a_look, a_pod

POOL = "m-moorage-pool-gpu"


def workers(*known: Registered, log: str = "") -> list[Finding]:
    pods: list[Document] = [a_pod(POOL, letter=letter, ready=True) for letter in "ab"]
    return registered.examine(a_look(pods=pods, registry=known, logs={f"{POOL}-1-b": log}))


def test_pods_that_are_all_in_the_registry_are_fine() -> None:
    known = [Registered(letter, "gpu", "serving", f"uid-{POOL}-1-{letter}") for letter in "ab"]

    [found] = workers(*known)

    assert found.grade is Grade.OK


def test_a_pod_that_runs_and_is_not_in_the_registry_fails_with_what_its_log_says() -> None:
    known = Registered("a", "gpu", "serving", f"uid-{POOL}-1-a")

    [found] = workers(known, log="x refused this worker: no such join key (INVALID_JOIN_KEY)")

    assert (found.subject, found.grade) == ("workers of gpu", Grade.FAIL)
    assert found.sentence.startswith(
        f"1 of 2 pods run and never registered ({POOL}-1-b): no gateway knows its join key"
    )


def test_a_lost_worker_does_not_count_as_registered() -> None:
    [found] = workers(Registered("a", "gpu", "lost", f"uid-{POOL}-1-a"))

    assert "2 of 2 pods run" in found.sentence
    assert "docs/workers.md" in found.advice


def test_a_worker_that_does_not_say_its_pod_is_known_by_its_name() -> None:
    [found] = workers(*(Registered(f"{POOL}-1-{letter}", "gpu", "serving", None) for letter in "ab"))

    assert found.grade is Grade.OK


def test_without_the_registry_nothing_is_said() -> None:
    assert registered.examine(a_look(pods=[a_pod(POOL)])) == []


def test_a_worker_of_another_namespace_is_none_of_ours() -> None:
    document = {
        "name": "w",
        "pool": "gpu",
        "status": "serving",
        "kubernetes": {"namespace": "x", "pod": "p", "uid": "u"},
    }

    assert registered.worker(document, "prod").pod is None
    assert registered.worker(document, "x").pod == "u"
