"""What the API server would say of each object, before there is one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.charts import CASES, KUBERNETES, NAMESPACE, OLDEST_KUBERNETES, RELEASE, Document, linted, with_values
from tests.helm.objects import name, of_kind

kubernetes_validate = pytest.importorskip("kubernetes_validate")

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

CUSTOM: dict[tuple[str, str], tuple[str, ...]] = {
    ("cert-manager.io/v1", "Certificate"): ("secretName", "issuerRef.name", "dnsNames"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): ("parentRefs", "hostnames", "rules"),
    ("gateway.networking.k8s.io/v1", "TLSRoute"): ("parentRefs", "hostnames", "rules"),
    ("keda.sh/v1alpha1", "ScaledObject"): ("scaleTargetRef.name", "triggers", "fallback.replicas"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"): ("selector.matchLabels", "endpoints"),
    ("monitoring.coreos.com/v1", "PodMonitor"): ("selector.matchLabels", "podMetricsEndpoints"),
    ("monitoring.coreos.com/v1", "PrometheusRule"): ("groups",),
}
"""Kinds that no cluster has by itself, and fields of their spec without which they mean nothing."""


@pytest.mark.parametrize("version", [OLDEST_KUBERNETES, KUBERNETES])
def test_every_object_is_one_that_the_api_knows(objects: tuple[Document, ...], version: str) -> None:
    for each in objects:
        if (each["apiVersion"], each["kind"]) not in CUSTOM:
            try:
                kubernetes_validate.validate(each, version, strict=True)
            except kubernetes_validate.ValidationError as wrong:
                where = ".".join(str(part) for part in wrong.absolute_path)
                raise AssertionError(f"{name(each)}: {where}: {wrong.message}") from None


@pytest.mark.parametrize("case", CASES)
def test_helm_finds_nothing_to_warn_of(case: str) -> None:
    assert linted(case) == ""


def test_every_object_of_a_kind_that_is_added_to_a_cluster_has_what_it_needs(objects: tuple[Document, ...]) -> None:
    lacks = [
        f"{name(each)}: {field}"
        for each in objects
        for field in CUSTOM.get((each["apiVersion"], each["kind"]), ())
        if not _field(each["spec"], field)
    ]

    assert lacks == []


def test_names_are_unique_within_their_kind_and_short_enough(objects: tuple[Document, ...]) -> None:
    names = [name(each) for each in objects]

    assert sorted(set(names)) == sorted(names)
    assert [each for each in names if len(each.split()[1]) > 63] == []


def test_the_longest_name_of_a_release_leaves_room_for_every_suffix_and_the_example() -> None:
    monitored = (
        "monitoring: {serviceMonitor: {enabled: true}, podMonitor: {enabled: true}, dashboards: {enabled: true}}"
    )
    objects = with_values(f"fullnameOverride: {'a' * 53}\n{monitored}")

    assert [each for each in map(name, objects) if len(each.split()[1]) > 63] == []
    assert len({name(each) for each in objects}) == len(objects)


def test_every_object_is_in_the_releases_namespace_and_says_whose_it_is(objects: tuple[Document, ...]) -> None:
    for each in objects:
        assert each["metadata"].get("namespace") == NAMESPACE, name(each)
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == RELEASE, name(each)


def test_a_timeout_of_a_clients_route_is_no_limit(objects: tuple[Document, ...]) -> None:
    for each in of_kind(objects, "HTTPRoute"):
        if each["metadata"]["name"].endswith("-clients"):
            assert [rule["timeouts"]["request"] for rule in each["spec"]["rules"]] == ["0s"]


def _field(spec: Any, path: str) -> Any:
    for part in path.split("."):
        spec = (spec or {}).get(part)
    return spec
