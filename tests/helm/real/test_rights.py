"""What the autoscaler's ServiceAccount may do with the chart's Role, asked of a real API server: all it must, and no more.

As `kubectl auth can-i --as` asks: a SubjectAccessReview each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from autoscaler import rights
from autoscaler.kinds import DEPLOYMENT
from tests.helm.real.fleet import until
from tests.helm.real.node import Node
from tests.helm.real.release import NAME, Release

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(300)]
POOL = f"{NAME}-pool-example"
OWN = f"{NAME}-autoscaler"
WITHOUT_TOKEN = ("gateway", "controlplane", "valkey", "worker")
PODS_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Act:
    """One verb on one thing. `name` empty: on any of its kind."""

    verb: str
    group: str
    resource: str
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        path = "/".join(part for part in (self.resource, self.name, self.subresource) if part)
        return f"{self.verb} {path}"


MUST = [
    *(
        Act(right.verb, right.group, right.resource, POOL if right.is_of_target else "", right.subresource)
        for right in rights.needed(DEPLOYMENT)
    ),
    *(
        Act(right.verb, right.group, right.resource, "" if right.verb == "create" else OWN, right.subresource)
        for right in rights.LEASE
    ),
]
MUST_NOT = [
    *(Act(verb, "", "secrets") for verb in ("get", "list", "watch", "create", "update", "patch", "delete")),
    *(Act("get", "", "secrets", f"{NAME}-{secret}") for secret in ("admin", "join", "signing", "tls", "valkey")),
    Act("list", "", "configmaps"),
    Act("create", "", "pods"),
    Act("create", "", "pods", "any", "exec"),
    Act("create", "", "pods", "any", "eviction"),
    Act("create", "", "serviceaccounts", OWN, "token"),
    *(
        Act(verb, "apps", "deployments", name, part)
        for name in (f"{NAME}-gateway", f"{NAME}-controlplane", OWN, "somebody-elses", "")
        for verb, part in (("get", ""), ("patch", ""), ("patch", "scale"), ("update", "scale"), ("delete", ""))
    ),
    *(Act(verb, "apps", "deployments", POOL) for verb in ("patch", "update", "delete")),
    Act("patch", "apps", "statefulsets", f"{NAME}-valkey", "scale"),
    Act("patch", "rbac.authorization.k8s.io", "roles", OWN),
    *(Act(verb, "coordination.k8s.io", "leases", "somebody-elses") for verb in ("get", "update")),
    Act("delete", "coordination.k8s.io", "leases", OWN),
]


@pytest.fixture(scope="module")
def release(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """One for the whole table: rights are there as soon as it is installed."""
    with Release(node, tmp_path_factory.mktemp("release")) as found:
        found.install()
        until(lambda: all(found.all_pods(program) for program in WITHOUT_TOKEN), PODS_SECONDS)
        yield found


@pytest.mark.parametrize("act", MUST, ids=str)
def test_the_autoscaler_can_do_what_it_must(release: Release, act: Act) -> None:
    assert _may(release, act, release.namespace)


@pytest.mark.parametrize("act", MUST_NOT, ids=str)
def test_the_autoscaler_cannot_do_anything_else(release: Release, act: Act) -> None:
    assert not _may(release, act, release.namespace)


@pytest.mark.parametrize("act", MUST, ids=str)
def test_the_autoscaler_can_do_nothing_in_another_namespace(release: Release, act: Act) -> None:
    assert not _may(release, act, "default")


@pytest.mark.parametrize("program", WITHOUT_TOKEN)
def test_no_other_pod_has_a_token_of_the_api_server(release: Release, program: str) -> None:
    volumes = [volume["name"] for pod in release.all_pods(program) for volume in pod["spec"]["volumes"]]

    assert not [name for name in volumes if name.startswith("kube-api-access")]


def _may(release: Release, act: Act, namespace: str) -> bool:
    attributes = {
        "verb": act.verb,
        "group": act.group,
        "resource": act.resource,
        "name": act.name,
        "subresource": act.subresource,
        "namespace": namespace,
    }
    user = f"system:serviceaccount:{release.namespace}:{OWN}"
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{release.namespace}", "system:authenticated"]
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": groups, "resourceAttributes": attributes},
    }
    answer = json.loads(release.node.kubectl("create", "-f", "-", "-o", "json", told=json.dumps(review)))
    return bool(answer["status"]["allowed"])
