"""One table of rights: the Role that tests apply, the page that people read, and the conditions are made of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from autoscaler.kinds import DEPLOYMENT, STATEFUL_SET, kind_of
from autoscaler.rights import LEASE, Right, needed, problem, rules

ROOT = Path(__file__).parents[2]
ROLE = ROOT / "tests/autoscaler/io/kubernetes/role.yaml"


def test_the_role_grants_what_is_needed_and_nothing_else() -> None:
    role = yaml.safe_load(ROLE.read_text())

    granted = [(each["apiGroups"][0], each["resources"][0], tuple(each["verbs"])) for each in role["rules"]]

    assert granted == rules((*needed(DEPLOYMENT), *LEASE))


def test_the_page_shows_the_role_as_it_is() -> None:
    assert ROLE.read_text() in (ROOT / "docs/autoscaler.md").read_text()


@pytest.mark.parametrize(
    ("said", "path"), [("StatefulSet", "statefulsets/scale"), ("crews.fleet.example.com/v1", "crews/scale")]
)
def test_another_kind_needs_its_own_scale_and_no_replica_sets(said: str, path: str) -> None:
    paths = {right.path for right in needed(kind_of(said))}

    assert path in paths
    assert "replicasets" not in paths


def test_a_missing_right_names_verb_resource_group_namespace_and_purpose() -> None:
    found = problem(
        Right("patch", "apps", "deployments", "to write replicas", subresource="scale", blocks_up=True), "prod"
    )

    assert found.detail.startswith("may not patch deployments/scale.apps in prod, to write replicas: grant it")
    assert (found.blocks_up, found.blocks_down) == (True, True)


def test_what_cannot_be_told_blocks_nothing_and_what_cannot_be_written_blocks_all() -> None:
    blocking = {(right.verb, right.path): (right.blocks_up, right.blocks_down) for right in needed(STATEFUL_SET)}

    assert blocking["create", "events"] == (False, False)
    assert blocking["patch", "statefulsets/scale"] == (True, True)
    assert blocking["delete", "pods"] == (False, True)
