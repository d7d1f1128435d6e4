"""The ways in from outside, and what may go out: Ingress, routes, policies by their values."""

from __future__ import annotations

import pytest

from tests.helm.charts import Document, with_values
from tests.helm.objects import of_kind

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

HOSTS = "enabled: true, host: a.example, restHost: b.example"


def one(objects: tuple[Document, ...], kind: str, ending: str) -> Document:
    return next(each for each in of_kind(objects, kind) if each["metadata"]["name"].endswith(ending))


def test_an_ingress_speaks_tls_to_gateways_that_have_a_certificate_and_not_to_rest() -> None:
    objects = with_values(f"ingress: {{className: nginx, {HOSTS}}}")

    told = "nginx.ingress.kubernetes.io/backend-protocol"
    assert one(objects, "Ingress", "-clients")["metadata"]["annotations"][told] == "HTTPS"
    assert told not in one(objects, "Ingress", "-rest")["metadata"]["annotations"]


def test_an_ingress_speaks_plainly_to_gateways_without_one() -> None:
    objects = with_values(f"tls: {{mode: 'off'}}\ningress: {{className: haproxy, {HOSTS}}}")

    annotations = one(objects, "Ingress", "-clients")["metadata"]["annotations"]
    assert annotations == {"haproxy.org/timeout-tunnel": "1h"}


def test_a_load_balancer_keeps_connections_for_as_long_as_a_gateway_drains() -> None:
    objects = with_values(f"drainSeconds: 300\ningress: {{className: alb, {HOSTS}}}")

    annotations = one(objects, "Ingress", "-clients")["metadata"]["annotations"]
    said = annotations["alb.ingress.kubernetes.io/target-group-attributes"]
    assert said == "deregistration_delay.timeout_seconds=300"


def test_ones_own_annotations_win_and_an_unknown_class_gets_no_others() -> None:
    known = with_values(
        f"ingress: {{className: nginx, {HOSTS}, annotations: {{nginx.ingress.kubernetes.io/proxy-read-timeout: '9'}}}}"
    )
    unknown = with_values(f"ingress: {{className: other, {HOSTS}}}")

    annotations = one(known, "Ingress", "-clients")["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "9"
    assert annotations["nginx.ingress.kubernetes.io/proxy-send-timeout"] == "3600"
    assert "annotations" not in one(unknown, "Ingress", "-clients")["metadata"]


@pytest.mark.parametrize(("mode", "kind"), [("generated", "TLSRoute"), ("'off'", "HTTPRoute")])
def test_tls_passes_through_to_gateways_that_have_the_certificate(mode: str, kind: str) -> None:
    objects = with_values(
        f"tls: {{mode: {mode}}}\ngatewayApi: {{enabled: true, parentRefs: [{{name: g}}], hostnames: [a.example]}}"
    )

    assert [route["kind"] for route in of_kind(objects, "TLSRoute", "HTTPRoute")] == [kind]


def test_a_store_of_ones_own_is_reached_at_its_ports_and_nowhere_else() -> None:
    objects = with_values(
        "redis: {url: 'rediss://moorage:secret:1@a.example:6390,b.example:7000/0'}\n"
        "networkPolicy: {redisTo: [10.0.0.0/8], redisPorts: [6379]}"
    )

    (rule,) = one(objects, "NetworkPolicy", "-store-out")["spec"]["egress"]
    assert [port["port"] for port in rule["ports"]] == [6390, 7000, 6379]
    assert rule["to"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]


def test_rules_of_policies_reach_each_prometheus_at_its_port() -> None:
    objects = with_values("autoscaler: {prometheus: {urls: ['http://a.example:9091/prefix', 'https://b.example']}}")

    (rule,) = one(objects, "NetworkPolicy", "-prometheus-out")["spec"]["egress"]
    assert [port["port"] for port in rule["ports"]] == [9091, 80, 443, 9090]


def test_peers_that_are_named_are_the_only_ones() -> None:
    peer = "{namespaceSelector: {matchLabels: {team: web}}}"
    objects = with_values(f"networkPolicy: {{clientsFrom: [{peer}], restFrom: [{peer}], metricsFrom: [{peer}]}}")

    for ending in ("-clients-in", "-rest-in", "-metrics-in"):
        (rule,) = one(objects, "NetworkPolicy", ending)["spec"]["ingress"]
        assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"team": "web"}}}], ending


def test_the_migration_brings_its_own_way_to_the_database_since_it_runs_before_the_release_is_changed() -> None:
    objects = with_values(
        "database: {url: 'postgresql://a.example:5433/b'}\nnetworkPolicy: {databaseTo: [10.0.0.0/8], databasePorts: [5432]}"
    )

    policy, job = one(objects, "NetworkPolicy", "-migrate-out"), one(objects, "Job", "-migrate")
    to_database, to_dns = policy["spec"]["egress"]
    said = policy["metadata"]["annotations"]
    assert said["helm.sh/hook"] == job["metadata"]["annotations"]["helm.sh/hook"]
    assert int(said["helm.sh/hook-weight"]) < int(job["metadata"]["annotations"]["helm.sh/hook-weight"])
    assert [port["port"] for port in to_database["ports"]] == [5433, 5432]
    assert to_database["to"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
    assert {port["port"] for port in to_dns["ports"]} == {53}


def test_the_api_servers_ports_are_those_of_the_values() -> None:
    objects = with_values("networkPolicy: {apiServerPorts: [16443]}")

    (rule,) = one(objects, "NetworkPolicy", "-api-server-out")["spec"]["egress"]
    assert [port["port"] for port in rule["ports"]] == [16443]


@pytest.mark.parametrize(("mode", "goes_around"), [("generated", False), ("secret, secretName: a", True)])
def test_helm_test_reaches_the_public_address_where_the_certificate_has_no_other_name(
    mode: str, goes_around: bool
) -> None:
    objects = with_values(f"publicUrl: wss://a.example\ntls: {{mode: {mode}}}")

    (test,) = [each for each in of_kind(objects, "Pod") if each["metadata"]["name"].endswith("-test")]
    around = [each for each in of_kind(objects, "NetworkPolicy") if each["metadata"]["name"].endswith("-public-out")]
    assert bool(around) is goes_around
    assert ("--to 'wss://a.example'" in test["spec"]["containers"][0]["args"][0]) is goes_around


def test_dns_is_where_the_values_say() -> None:
    objects = with_values("networkPolicy: {dns: [{ports: [{protocol: UDP, port: 5353}]}]}")

    assert one(objects, "NetworkPolicy", "-dns-out")["spec"]["egress"] == [
        {"ports": [{"protocol": "UDP", "port": 5353}]}
    ]


def test_there_is_no_policy_where_they_are_not_wanted() -> None:
    assert of_kind(with_values("networkPolicy: {enabled: false}"), "NetworkPolicy") == []
