"""The API server itself."""

from __future__ import annotations

from moorage.cli.findings import Grade
from moorage.cli.installation import (
    reach,
)


def test_an_old_kubernetes_fails_with_the_version_that_is_needed() -> None:
    old = reach.version({"major": "1", "minor": "26+", "gitVersion": "v1.26.4-eks"})

    assert old.grade is Grade.FAIL
    assert old.sentence == "it runs Kubernetes v1.26.4-eks; the chart needs 1.27"
    assert reach.version({"major": "1", "minor": "27"}).grade is Grade.OK
    assert reach.version({"major": "2", "minor": "0"}).grade is Grade.OK


def test_credentials_that_are_not_known_are_told_from_rights_that_are_missing() -> None:
    assert "log in again" in reach.refused(401, "Unauthorized").advice
    assert "read access" in reach.refused(403, "forbidden").advice
