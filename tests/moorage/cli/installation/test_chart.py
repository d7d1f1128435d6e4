"""What the checks look for in documents is what the chart writes into them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from moorage.cli.findings import Grade
from moorage.cli.installation import parts, rivals, served
from moorage.cli.installation.documents import Seen
from moorage.cli.installation.looking import KINDS
from tests.moorage.cli.installation.builders import NOW

CHART = Path(__file__).parents[4] / "helm" / "moorage"
_CACHE = Path(os.environ.get("CLUSTER_CACHE", Path.home() / ".cache" / "test-cluster"))
HELM = shutil.which("helm", path=f"{os.environ.get('PATH', '')}:{_CACHE / 'bin'}")


@pytest.fixture(scope="module")
def chart() -> Seen:
    """As rendered with its default values, in namespace prod."""
    if HELM is None:
        pytest.skip("no helm on PATH or in $CLUSTER_CACHE/bin")
    command = [HELM, "template", "m", str(CHART), "--namespace", "prod", "--kube-version", "1.33.0"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    lists: dict[str, list[dict[str, Any]]] = {plural: [] for plural in KINDS}
    for document in filter(None, yaml.safe_load_all(said)):
        kind = str(document["kind"]).lower()
        plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}es" if kind.endswith("s") else f"{kind}s"
        lists.setdefault(plural, []).append(document)
    return Seen("m", "prod", NOW, {plural: tuple(found) for plural, found in lists.items()})


def test_every_part_is_found_by_its_labels(chart: Seen) -> None:
    [release] = parts.releases(chart.all("deployments"))

    found = parts.missing(chart)

    assert release == parts.Release("m")
    assert [each.sentence for each in found if each.grade is not Grade.OK] == []
    assert found[0].sentence == "m in namespace prod has autoscaler, controlplane, gateway, valkey, pool example"


def test_the_autoscalers_targets_are_read_from_its_policy_file(chart: Seen) -> None:
    assert rivals.targets(chart) == {"m-moorage-pool-example"}


def test_certificates_are_read_from_the_secrets_that_gateways_mount(chart: Seen) -> None:
    assert served.tls_secrets(chart) == {"m-moorage-tls"}
