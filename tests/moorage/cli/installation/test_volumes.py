"""Claims that are not bound."""

from __future__ import annotations

from moorage.cli.findings import Grade
from moorage.cli.installation import (
    volumes,
)
from moorage.cli.installation.documents import Document
from tests.moorage.cli.installation.builders import a_look, an_event, meta


def claim(phase: str, storage_class: str | None = None) -> Document:
    spec = {"storageClassName": storage_class} if storage_class else {}
    return {"metadata": meta("m-moorage-valkey"), "spec": spec, "status": {"phase": phase}}


def test_a_claim_without_a_class_says_what_to_set() -> None:
    why = an_event("m-moorage-valkey", "FailedBinding", "no persistent volumes available and no storage class is set")

    [found] = volumes.examine(a_look(persistentvolumeclaims=[claim("Pending")], events=[why]))

    assert found.grade is Grade.FAIL
    assert "no default storage class" in found.advice


def test_a_class_that_is_not_there_is_named() -> None:
    why = an_event("m-moorage-valkey", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found')

    [found] = volumes.examine(a_look(persistentvolumeclaims=[claim("Pending", "fast")], events=[why]))

    assert "there is no storage class fast" in found.advice


def test_a_claim_that_waits_for_its_pod_is_no_failure() -> None:
    why = an_event(
        "m-moorage-valkey", "WaitForFirstConsumer", "waiting for first consumer to be created before binding"
    )

    [found] = volumes.examine(a_look(persistentvolumeclaims=[claim("Pending", "fast")], events=[why]))

    assert found.grade is Grade.WARN


def test_a_lost_volume_fails_and_a_bound_one_is_silent() -> None:
    claims = [claim("Lost"), claim("Bound")]

    [found] = volumes.examine(a_look(persistentvolumeclaims=claims))

    assert "lost its volume" in found.sentence
