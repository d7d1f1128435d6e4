"""Which objects are there."""

from __future__ import annotations

from moorage.cli.findings import Grade
from moorage.cli.installation import (
    parts,
)
from moorage.cli.installation.parts import Release
from tests.moorage.cli.installation.builders import NAME, a_deployment, a_look, a_service

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


def test_releases_are_known_by_their_labels_whatever_the_chart_is_called() -> None:
    renamed, foreign = a_deployment(), a_deployment("master")
    renamed["metadata"]["labels"] |= {
        NAME: "voices",
        "app.kubernetes.io/instance": "v",
        "helm.sh/chart": "moorage-0.1.0",
    }
    foreign["metadata"]["labels"] |= {NAME: "redis", "helm.sh/chart": "redis-1.0.0"}

    found = parts.releases((a_deployment(), a_deployment("controlplane"), renamed, foreign))

    assert found == [Release("m"), Release("v", "voices")]
    assert found[1].selector == f"{NAME}=voices,app.kubernetes.io/instance=v"
    assert "--release m" in parts.several("prod", found).advice


def test_a_pool_that_our_autoscaler_should_scale_needs_one() -> None:
    pool = a_deployment("worker", name="m-moorage-pool-gpu")
    pool["metadata"]["annotations"] = {"moorage.dev/scaling": "builtin"}

    found = parts.missing(a_look(deployments=[pool, a_deployment(), a_deployment("controlplane")]))

    assert [each.subject for each in found if each.grade is Grade.FAIL] == ["autoscaler"]
