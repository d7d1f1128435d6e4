"""Values that would not do what they say are refused, with a sentence that names them."""

from __future__ import annotations

import pytest

from tests.helm.charts import said, with_values
from tests.helm.objects import of_kind

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

MISSPELT = (
    ("gatway: {replicas: 3}", "additional properties 'gatway' not allowed"),
    ("gateway: {replica: 3}", "at '/gateway': additional properties 'replica' not allowed"),
    ("gateway: {service: {nodeport: 30000}}", "at '/gateway/service': additional properties 'nodeport' not allowed"),
    ("pools: {chat: {maximun: 3}}", "at '/pools/chat': additional properties 'maximun' not allowed"),
    ("pools: {chat: {keda: {targets: 1}}}", "at '/pools/chat/keda': additional properties 'targets' not allowed"),
    ("poolDefaults: {slot: 3}", "at '/poolDefaults': additional properties 'slot' not allowed"),
    ("valkey: {persistence: {sise: 1Gi}}", "at '/valkey/persistence': additional properties 'sise' not allowed"),
    ("monitoring: {podMonitor: {on: true}}", "at '/monitoring/podMonitor': additional properties"),
    (
        "settings: {gateway: {resume_second: 9}}",
        "at '/settings/gateway': additional properties 'resume_second' not allowed",
    ),
    (
        "autoscaler: {policyDefaults: {patiense: 9}}",
        "at '/autoscaler/policyDefaults': additional properties 'patiense'",
    ),
    ("pools: {chat: {policy: {patiense: 9}}}", "at '/pools/chat/policy': additional properties 'patiense' not allowed"),
    ("tls: {issuerRef: {names: a}}", "at '/tls/issuerRef': additional properties 'names' not allowed"),
)

WRONG = (
    ("gateway: {replicas: two}", "at '/gateway/replicas': got string, want integer"),
    ("gateway: {replicas: 0}", "at '/gateway/replicas': minimum: got 0, want 1"),
    ("gateway: null", "missing property 'gateway'"),
    ("gateway: {replicas: null}", "at '/gateway': missing property 'replicas'"),
    ("ingress: {host: }", "at '/ingress': missing property 'host'"),
    ("poolDefaults: {image: null}", "missing property 'image'"),
    ("pools: {chat: {labels: }}", "at '/pools/chat/labels': got null, want object"),
    ("pools: {chat: {slots: null}}", "at '/pools/chat/slots': got null, want integer"),
    ("gateway: {service: {type: Loadbalancer}}", "at '/gateway/service/type': value must be one of"),
    ("gateway: {service: {port: 70000}}", "at '/gateway/service/port': maximum"),
    ("gateway: {topologySpread: Never}", "at '/gateway/topologySpread': value must be one of"),
    ("gateway: {podAnnotations: {a: true}}", "at '/gateway/podAnnotations/a': got boolean, want string"),
    ("drainSeconds: -1", "at '/drainSeconds': minimum"),
    ("drainSeconds: 1.5", "at '/drainSeconds': got number, want integer"),
    ("logLevel: chatty", "at '/logLevel': value must be one of"),
    ("publicUrl: https://x.example", "at '/publicUrl': 'https://x.example' does not match pattern"),
    ("tls: {mode: on}", "at '/tls/mode': value must be one of"),
    ("image: {digest: abc}", "at '/image/digest': 'abc' does not match pattern"),
    ("image: {tag: 1.10}", "at '/image/tag': got number, want string"),
    ("redis: {url: localhost}", "at '/redis/url': 'localhost' does not match pattern"),
    ("database: {url: mysql://x/y}", "at '/database/url': 'mysql://x/y' does not match pattern"),
    ("valkey: {maxMemory: lots}", "at '/valkey/maxMemory': 'lots' does not match pattern"),
    ("pools: {chat: {scaling: autoscaler}}", "at '/pools/chat/scaling': value must be one of"),
    ("pools: {chat: {slots: 0}}", "at '/pools/chat/slots': minimum"),
    ("pools: {chat: {keda: {target: 1.5}}}", "at '/pools/chat/keda/target': maximum"),
    ("pools: [chat]", "at '/pools': got array, want object"),
    ("settings: {scheduler: {soft_cap: 2}}", "at '/settings/scheduler/soft_cap': maximum: got 2, want 1"),
    ("networkPolicy: {redisTo: [10.0.0.1]}", "at '/networkPolicy/redisTo/0': '10.0.0.1' does not match pattern"),
)

CONTRADICTORY = (
    ("fullnameOverride: 1st", "objects would be called 1st-…, which no Service may be"),
    ("controlplane: {replicas: 2}", "controlplane.replicas is 2, and SQLite has one writer"),
    ("valkey: {enabled: false}", "valkey.enabled is false, and no other store is named"),
    ("redis: {url: 'redis://a', existingSecret: b}", "redis.url and redis.existingSecret are both set"),
    ("database: {url: 'postgresql://a/b', existingSecret: b}", "database.url and database.existingSecret are both set"),
    ("valkey: {maxMemory: 1gb}", "valkey.maxMemory is 1gb, and valkey.resources.limits.memory 640Mi"),
    ("tls: {mode: secret}", "tls.mode is secret, which needs tls.secretName"),
    ("tls: {mode: certManager}", "tls.mode is certManager, which needs tls.issuerRef.name"),
    (
        "{tls: {linkSecretName: a}, pools: {chat: {dialOut: true}}}",
        "pools.chat.dialOut cannot be with tls.linkSecretName",
    ),
    ("signing: {current: k1}", "name keys of signing.existingSecret, which is not set"),
    ("autoscaler: {prometheus: {existingSecret: a}}", "autoscaler.prometheus.urls is empty"),
    ("gateway: {service: {nodePort: 30000}}", "need gateway.service.type NodePort or LoadBalancer"),
    ("gateway: {service: {loadBalancerClass: a}}", "need gateway.service.type LoadBalancer"),
    ("settings: {gateway: {port: 1}}", "settings.gateway.port is decided by the chart: set gateway.service.port"),
    ("pools: {Chat: {slots: 1}}", "pools.Chat is no DNS label"),
    (f"pools: {{{'a' * 50}: {{slots: 1}}}}", "is too long"),
    ("pools: {chat: {region: 'eu west'}}", 'pools.chat.region is "eu west"'),
    ("pools: {chat: {minimum: 3, maximum: 2}}", "pools.chat.minimum is 3, and its maximum 2"),
    ("pools: {chat: {scaling: fixed, policy: {every: 5}}}", "which only scaling builtin reads"),
    ("pools: {chat: {policy: {slots: 5}}}", "pools.chat.policy.slots is decided by the chart: set pools.chat.slots"),
    ("pools: {a: {pool: chat}, b: {pool: chat}}", "pools.a and pools.b are both pool chat in region local"),
    ("ingress: {enabled: true}", "ingress.enabled needs ingress.host"),
    ("ingress: {host: a.example}", "ingress.enabled is false"),
    ("ingress: {enabled: true, host: a.example, restHost: a.example}", "REST needs a host of its own"),
    ("gatewayApi: {enabled: true, hostnames: [a.example]}", "gatewayApi.enabled needs gatewayApi.parentRefs"),
    ("gatewayApi: {enabled: true, parentRefs: [{name: a}]}", "gatewayApi.enabled needs gatewayApi.hostnames"),
    ("gatewayApi: {hostnames: [a.example]}", "gatewayApi.enabled is false"),
    ("pools: {chat: {scaling: keda}}", "pools.chat.scaling is keda, which needs keda.serverAddress"),
    ("pools: {chat: {scaling: hpa, minimum: 0}}", "pools.chat.minimum is 0, and its scaling is hpa"),
)


@pytest.mark.parametrize(("values", "sentence"), MISSPELT)
def test_a_misspelt_key_is_refused_by_its_place(values: str, sentence: str) -> None:
    assert sentence in said(values)


@pytest.mark.parametrize(("values", "sentence"), WRONG)
def test_a_value_that_cannot_be_is_refused_by_its_place(values: str, sentence: str) -> None:
    assert sentence in said(values)


@pytest.mark.parametrize(("values", "sentence"), CONTRADICTORY)
def test_values_that_contradict_each_other_are_refused_with_what_to_do(values: str, sentence: str) -> None:
    assert sentence in said(values)


def test_a_kubernetes_that_is_too_old_is_named() -> None:
    assert "requires kubeVersion: >=1.27.0-0" in said("{}", kubernetes="1.26.0")


def test_off_without_quotes_is_off() -> None:
    objects = with_values(
        "tls: {mode: off}\ngatewayApi: {enabled: true, parentRefs: [{name: a}], hostnames: [a.example]}"
    )

    assert [route["metadata"]["name"] for route in of_kind(objects, "HTTPRoute")] == ["it-moorage-clients"]


def test_a_pool_that_is_null_is_not_there() -> None:
    objects = with_values("pools: {example: null, chat: {maximum: 2}, gone: null}")

    pools = [
        each["metadata"]["name"] for each in of_kind(objects, "Deployment") if "-pool-" in each["metadata"]["name"]
    ]
    assert pools == ["it-moorage-pool-chat"]


def test_the_chart_may_be_part_of_another() -> None:
    assert said("global: {storageClass: fast}") == ""
