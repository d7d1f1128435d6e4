"""Which objects are there."""

from __future__ import annotations

from moorage.cli.findings import Grade
from moorage.cli.installation import (
    parts,
)
from tests.moorage.cli.installation.builders import a_deployment, a_look, a_service

POOL = "m-moorage-pool-gpu"


def test_what_is_there_is_one_line() -> None:
    seen = a_look(
        deployments=[a_deployment(), a_deployment("controlplane"), a_deployment("worker", name=POOL)],
        services=[a_service("gateway"), a_service("links"), a_service("controlplane")],
    )

    [found] = parts.missing(seen)

    assert found.sentence == "m in namespace prod has controlplane, gateway, pool gpu"


def test_each_part_that_is_missing_is_a_failure() -> None:
    found = parts.missing(a_look(deployments=[a_deployment()], services=[a_service("gateway")]))

    assert {(each.subject, each.sentence) for each in found if each.grade is Grade.FAIL} == {
        ("controlplane", "its Deployment is not there"),
        ("links", "its Service is not there"),
    }
    assert any(each.subject == "pools" and each.grade is Grade.NOTE for each in found)


def test_releases_are_known_by_their_label() -> None:
    assert parts.releases((a_deployment(), a_deployment("controlplane"))) == ["m"]
    assert "--release a" in parts.several("prod", ["a", "b"]).advice
