"""Kinds with a /scale."""

from __future__ import annotations

import pytest

from autoscaler.kinds import DEPLOYMENT, kind_of, object_path
from autoscaler.policy import KubernetesTarget


def test_a_deployment_has_its_path() -> None:
    assert object_path(DEPLOYMENT, KubernetesTarget("prod", "web")) == "/apis/apps/v1/namespaces/prod/deployments/web"


def test_a_custom_kind_is_said_by_plural_group_and_version() -> None:
    kind = kind_of("crews.fleet.example.com/v1beta2")

    assert (kind.plural, kind.api_version, kind.kind) == ("crews", "fleet.example.com/v1beta2", "")


@pytest.mark.parametrize("said", ["", "deployment", "ReplicaSet", "crews/v1", "crews.fleet.example.com", "../x.y/v1"])
def test_anything_else_is_refused_with_what_it_may_be(said: str) -> None:
    with pytest.raises(ValueError, match="kind is Deployment, StatefulSet or"):
        kind_of(said)
