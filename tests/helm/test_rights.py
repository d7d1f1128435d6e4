"""What the autoscaler may do with the chart's own Role: all that it must, and nothing else."""

from __future__ import annotations

import pytest

from autoscaler.kinds import DEPLOYMENT
from autoscaler.rights import LEASE, Right, needed
from tests.helm.charts import with_values
from tests.helm.objects import of_kind
from tests.helm.releases import Release

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

FORBIDDEN = (
    ("get", "secrets"),
    ("list", "secrets"),
    ("get", "configmaps"),
    ("list", "deployments"),
    ("create", "deployments"),
    ("create", "pods"),
    ("create", "pods", "exec"),
    ("get", "leases", "", "somebody-elses"),
    ("create", "roles"),
    ("impersonate", "serviceaccounts"),
)
OTHERS = ("gateway", "controlplane", "autoscaler", "pool-still")
"""Deployments of the release that are none of its business."""


def test_the_role_is_the_table_of_rights_that_the_program_asks_for() -> None:
    (role,) = of_kind(with_values(""), "Role")

    granted = {(rule["apiGroups"][0], rule["resources"][0], verb) for rule in role["rules"] for verb in rule["verbs"]}

    assert granted == {(right.group, right.path, right.verb) for right in (*needed(DEPLOYMENT), *LEASE)}


def test_no_pool_of_its_own_no_autoscaler_and_no_rights() -> None:
    objects = with_values("pools: {example: {scaling: fixed}}")

    assert not of_kind(objects, "Role", "RoleBinding")
    assert "autoscaler" not in {
        each["metadata"]["labels"]["app.kubernetes.io/component"] for each in of_kind(objects, "Deployment")
    }


def test_the_autoscaler_may_do_all_that_it_must_and_touches_no_secret_and_no_other_deployment(release: Release) -> None:
    release.install("fullnameOverride=fleet", "pools.still.scaling=fixed")

    def may(verb: str, resource: str, subresource: str = "", name: str = "") -> bool:
        return release.may("fleet-autoscaler", verb, f"{resource}/{name}".rstrip("/"), subresource)

    def may_as_needed(right: Right) -> bool:
        is_of_lease = right in LEASE and right.verb != "create"
        name = "fleet-pool-example" if right.is_of_target else "fleet-autoscaler" if is_of_lease else ""
        return may(right.verb, f"{right.resource}.{right.group}".rstrip("."), right.subresource, name)

    # kubectl asks about no kind that the cluster does not have; the program finds out by itself whether KEDA is there.
    musts = [right for right in (*needed(DEPLOYMENT), *LEASE) if right.group != "keda.sh"]
    assert [right for right in musts if not may_as_needed(right)] == []
    assert [each for each in FORBIDDEN if may(*each)] == []
    assert [name for name in OTHERS if may("get", "deployments", "", f"fleet-{name}")] == []
    assert [name for name in OTHERS if may("patch", "deployments", "scale", f"fleet-{name}")] == []
    assert not may("patch", "deployments", "", "fleet-pool-example")
    assert not may("delete", "deployments", "", "fleet-pool-example")
