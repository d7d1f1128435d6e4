"""What the checks look for in documents is what the chart writes into them."""

from __future__ import annotations

from collections import defaultdict

import pytest

from moorage.cli.findings import Grade
from moorage.cli.installation import parts, rivals, served
from moorage.cli.installation.documents import Document, Seen
from tests.helm.charts import NAMESPACE, RELEASE, with_values
from tests.moorage.cli.installation.builders import NOW

PLURALS = {
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "Service": "services",
    "ConfigMap": "configmaps",
    "Ingress": "ingresses",
}


@pytest.fixture
def chart() -> Seen:
    """As rendered with its default values."""
    lists: dict[str, list[Document]] = defaultdict(list)
    for document in with_values("{}"):
        lists[PLURALS.get(document["kind"], "others")].append(document)
    return Seen(RELEASE, NAMESPACE, NOW, {plural: tuple(found) for plural, found in lists.items()})


def test_every_part_is_found_by_its_labels(chart: Seen) -> None:
    [release] = parts.releases(chart.all("deployments"))

    found = parts.missing(chart)

    assert release == parts.Release(RELEASE)
    assert [each.sentence for each in found if each.grade is not Grade.OK] == []
    assert found[0].sentence.endswith("has autoscaler, controlplane, gateway, valkey, pool example")


def test_the_autoscalers_targets_are_read_from_its_policy_file(chart: Seen) -> None:
    assert rivals.targets(chart) == {f"{RELEASE}-moorage-pool-example"}


def test_certificates_are_read_from_the_secrets_that_gateways_mount(chart: Seen) -> None:
    assert served.tls_secrets(chart) == {f"{RELEASE}-moorage-tls"}
