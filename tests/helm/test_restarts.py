"""Which pods a change of values restarts: those that read what changed, and no others."""

from __future__ import annotations

import json

import pytest

from tests.helm.charts import Document, with_values
from tests.helm.objects import of_kind

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

KEPT = "signing: {existingSecret: kept}\n"
"""Two renderings without a cluster would name a generated key twice."""


def templates(values: str) -> dict[str, str]:
    """Each workload's pods, as a text that differs when they do."""
    objects: tuple[Document, ...] = with_values(KEPT + values)
    found = of_kind(objects, "Deployment", "StatefulSet")
    return {
        each["metadata"]["name"].removeprefix("it-moorage-"): json.dumps(each["spec"]["template"], sort_keys=True)
        for each in found
    }


@pytest.mark.parametrize(
    ("values", "restarted"),
    [
        ("", set()),
        ("settings: {controlplane: {rate_limit: {per_minute: 5}}}", {"controlplane"}),
        ("settings: {gateway: {limits: {frame_bytes: 4096}}}", {"gateway", "controlplane"}),
        ("autoscaler: {policyDefaults: {buffer_slots: 4}}", {"autoscaler"}),
        ("pools: {example: {maximum: 9}}", {"autoscaler"}),
        ("pools: {chat: {slots: 5}}", {"autoscaler", "controlplane", "pool-chat"}),
        ("pools: {example: {image: {tag: '2'}}}", {"pool-example"}),
        ("valkey: {maxMemory: 300mb}", {"valkey"}),
        ("gateway: {replicas: 5}", set()),
        ("tls: {dnsNames: [other.example.com]}", set()),  # certificates are read again
        ("monitoring: {serviceMonitor: {enabled: true}}", set()),
    ],
)
def test_a_change_restarts_only_what_reads_it(values: str, restarted: set[str]) -> None:
    before, after = templates(""), templates(values)

    assert {name for name in before | after if before.get(name) != after.get(name)} == restarted


def test_pods_carry_no_version_so_that_a_new_chart_alone_restarts_none() -> None:
    for template in templates("").values():
        assert {"helm.sh/chart", "app.kubernetes.io/version"}.isdisjoint(json.loads(template)["metadata"]["labels"])
