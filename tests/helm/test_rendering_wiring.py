"""That each object means another that is there: selectors, ports, references, and the arrows between pods."""

from __future__ import annotations

import re

import pytest

from moorage.cli.fleet_metrics import Seen
from moorage.cli.fleet_metrics import families as fleet_families
from tests.helm.charts import Document, rendered, with_values
from tests.helm.objects import Pod, may_reach, name, of_kind, pods, selects

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")


def test_every_workload_selects_its_own_pods_and_no_others(objects: tuple[Document, ...]) -> None:
    for each in of_kind(objects, "Deployment", "StatefulSet"):
        found = [pod.owner for pod in pods(objects) if selects(each["spec"]["selector"], pod.labels)]
        assert found == [name(each)]


def test_every_service_selects_pods_that_have_its_ports(objects: tuple[Document, ...]) -> None:
    for each in of_kind(objects, "Service"):
        chosen = [pod for pod in pods(objects) if selects({"matchLabels": each["spec"]["selector"]}, pod.labels)]
        assert chosen, name(each)
        for pod in chosen:
            targets = {port.get("targetPort", port["port"]) for port in each["spec"]["ports"]}
            assert targets <= pod.ports, f"{name(each)} -> {pod.owner}"


def test_every_route_ends_at_a_services_port(objects: tuple[Document, ...]) -> None:
    ports = {
        (each["metadata"]["name"], port["port"])
        for each in of_kind(objects, "Service")
        for port in each["spec"]["ports"]
    }
    backends = {
        (backend["name"], backend["port"])
        for route in of_kind(objects, "HTTPRoute", "TLSRoute")
        for rule in route["spec"]["rules"]
        for backend in rule["backendRefs"]
    }
    backends |= {
        (path["backend"]["service"]["name"], path["backend"]["service"]["port"]["number"])
        for ingress in of_kind(objects, "Ingress")
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
    }

    assert backends <= ports


def test_every_budget_protects_the_pods_of_one_workload_that_has_several(objects: tuple[Document, ...]) -> None:
    for each in of_kind(objects, "PodDisruptionBudget"):
        chosen = [pod for pod in pods(objects) if selects(each["spec"]["selector"], pod.labels)]
        assert len(chosen) == 1, name(each)
        owner = next(found for found in objects if name(found) == chosen[0].owner)
        assert owner["spec"].get("replicas", 2) > 1, name(each)


def test_two_releases_in_a_namespace_share_no_name_and_select_none_of_the_others_pods() -> None:
    here, there = with_values("{}"), with_values("{}", release="other")
    selectors = [
        each["spec"].get("podSelector") or {"matchLabels": each["spec"]["selector"]}
        for each in of_kind(here, "Service", "NetworkPolicy")
    ]
    selectors += [
        each["spec"]["selector"] for each in of_kind(here, "Deployment", "StatefulSet", "PodDisruptionBudget")
    ]

    assert {name(each) for each in here} & {name(each) for each in there} == set()
    assert [each for each in selectors for pod in pods(there) if selects(each, pod.labels)] == []


def test_every_policy_and_each_of_its_peers_selects_pods_that_exist(objects: tuple[Document, ...]) -> None:
    for each in of_kind(objects, "NetworkPolicy"):
        spec = each["spec"]
        rules = [*spec.get("ingress", ()), *spec.get("egress", ())]
        peers = [peer for rule in rules for peer in (*rule.get("from", ()), *rule.get("to", ()))]
        ours = [peer["podSelector"] for peer in peers if "podSelector" in peer and "namespaceSelector" not in peer]
        for selector in (spec["podSelector"], *ours):
            assert [pod for pod in pods(objects) if selects(selector, pod.labels)], name(each)


def test_every_policy_says_which_arrow_it_is(objects: tuple[Document, ...]) -> None:
    for each in of_kind(objects, "NetworkPolicy"):
        assert each["metadata"]["annotations"]["moorage.dev/arrow"], name(each)


def test_a_policy_lets_in_only_to_ports_that_are_there(objects: tuple[Document, ...]) -> None:
    for each in of_kind(objects, "NetworkPolicy"):
        chosen = [pod for pod in pods(objects) if selects(each["spec"]["podSelector"], pod.labels)]
        for rule in each["spec"].get("ingress", ()):
            for port in rule["ports"]:
                if isinstance(port["port"], int):
                    assert all(port["port"] in pod.ports for pod in chosen), name(each)


def test_config_maps_secrets_claims_and_accounts_that_are_ours_exist(objects: tuple[Document, ...]) -> None:
    there = {name(each) for each in objects}
    there |= {f"Secret {each['spec']['secretName']}" for each in of_kind(objects, "Certificate")}
    for pod in pods(objects):
        asked = {
            reference for reference in _references(pod) if reference.split()[1].startswith(("it-moorage", "berth"))
        }
        assert asked <= there, pod.owner


def test_each_pools_replicas_have_exactly_one_writer(objects: tuple[Document, ...]) -> None:
    policies = " ".join(
        text
        for each in of_kind(objects, "ConfigMap")
        if each["metadata"]["labels"].get("app.kubernetes.io/component") == "autoscaler"
        for text in each["data"].values()
    )
    for each in of_kind(objects, "Deployment"):
        deployment = each["metadata"]["name"]
        if "-pool-" not in deployment:
            continue
        writers = [
            found["kind"]
            for found in of_kind(objects, *SCALERS)
            if found["spec"]["scaleTargetRef"]["name"] == deployment
        ]
        writers += ["autoscaler"] * (f'"{deployment}"' in policies)
        writers += ["chart"] * ("replicas" in each["spec"])
        assert len(writers) == 1, f"{deployment}: {writers}"


def test_what_keda_asks_for_is_a_metric_that_we_show() -> None:
    queries = [
        trigger["metadata"]["query"]
        for case in ("keda", "everything")
        for each in of_kind(rendered(case), "ScaledObject")
        for trigger in each["spec"]["triggers"]
    ]
    shown = {f"moorage_scheduler_{name}" for name in ("sessions", "queue_length")}
    families = {family.name for family in fleet_families(Seen((), ()))}

    assert all(set(re.findall(r"moorage_\w+", query)) == shown for query in queries)
    assert shown <= families


def test_there_is_an_autoscaler_where_a_pool_is_its_own() -> None:
    there = {
        case: "autoscaler" in {pod.component for pod in pods(rendered(case))} for case in ("minimal", "keda", "hpa")
    }

    assert there == {"minimal": True, "keda": False, "hpa": False}


ALLOWED = (
    ("worker", "gateway", 7403),
    ("worker", "gateway", 7404),
    ("gateway", "worker", 7410),
    ("gateway", "valkey", 6379),
    ("controlplane", "valkey", 6379),
    ("autoscaler", "valkey", 6379),
    ("test", "gateway", 7400),
    ("test", "controlplane", 7401),
)
FORBIDDEN = (
    ("worker", "valkey", 6379),
    ("worker", "worker", 7410),
    ("worker", "controlplane", 7401),
    ("worker", "gateway", 7402),
    ("gateway", "controlplane", 7401),
    ("gateway", "gateway", 7403),
    ("controlplane", "gateway", 7403),
    ("controlplane", "worker", 7410),
    ("autoscaler", "controlplane", 7401),
    ("valkey", "gateway", 7400),
    ("test", "valkey", 6379),
)


@pytest.mark.parametrize(("source", "target", "port"), ALLOWED)
def test_policies_let_through_what_the_programs_need(source: str, target: str, port: int) -> None:
    objects = rendered("minimal")

    assert may_reach(objects, _pod(objects, source), _pod(objects, target), port)


@pytest.mark.parametrize(("source", "target", "port"), FORBIDDEN)
def test_policies_let_through_nothing_else(source: str, target: str, port: int) -> None:
    objects = rendered("minimal")

    assert not may_reach(objects, _pod(objects, source), _pod(objects, target), port)


def test_a_pool_that_dials_out_is_not_dialled() -> None:
    objects = rendered("everything")
    gateway = _pod(objects, "gateway")
    reached = {pod.owner for pod in pods(objects) if pod.component == "worker" and _reached(objects, gateway, pod)}

    assert "Deployment berth-pool-dialler" not in reached
    assert "Deployment berth-pool-gpu" in reached


def _reached(objects: tuple[Document, ...], gateway: Pod, worker: Pod) -> bool:
    return any(may_reach(objects, gateway, worker, port) for port in (7410, 8080))


def _pod(objects: tuple[Document, ...], component: str) -> Pod:
    return next(pod for pod in pods(objects) if pod.component == component)


def _references(pod: Pod) -> set[str]:
    found = {f"ServiceAccount {pod.spec['serviceAccountName']}"} if "serviceAccountName" in pod.spec else set()
    for volume in pod.spec.get("volumes", ()):
        sources = [volume, *volume.get("projected", {}).get("sources", ())]
        for source in sources:
            found |= {f"ConfigMap {source['configMap']['name']}"} if "configMap" in source else set()
            secret = source.get("secret", {})
            found |= {f"Secret {secret.get('secretName') or secret['name']}"} if secret else set()
            claim = source.get("persistentVolumeClaim", {})
            found |= {f"PersistentVolumeClaim {claim['claimName']}"} if claim else set()
    for container in pod.containers:
        for each in container.get("env", ()):
            reference = each.get("valueFrom", {}).get("secretKeyRef")
            found |= {f"Secret {reference['name']}"} if reference else set()
    return found
