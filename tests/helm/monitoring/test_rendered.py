"""What helm makes of the monitoring part: the rules that promtool has tested, for the namespace that is asked for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.helm.charts import Document, said, with_values
from tests.helm.monitoring import files

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

ALL = {
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "interval": "7s"},
    "podMonitor": {"enabled": True, "interval": "9s"},
    "prometheusRule": {"enabled": True, "labels": {"role": "alerts"}},
    "dashboards": {"enabled": True, "annotations": {"grafana_folder": "Moorage"}},
}


def rendered(monitoring: dict[str, Any], **more: Any) -> tuple[Document, ...]:
    return with_values(yaml.safe_dump({"monitoring": monitoring, **more}))


def of_kind(objects: tuple[Document, ...], kind: str) -> list[Document]:
    return [each for each in objects if each["kind"] == kind]


def test_rules_are_those_that_promtool_has_tested() -> None:
    (rule,) = of_kind(rendered(ALL), "PrometheusRule")

    assert rule["spec"]["groups"] == files.groups()
    assert rule["metadata"]["labels"]["role"] == "alerts"


def test_rules_ask_for_the_namespace_of_the_release_and_for_no_other() -> None:
    (rule,) = of_kind(with_values(yaml.safe_dump({"monitoring": ALL}), "--namespace", "fleet-2"), "PrometheusRule")
    asked = {found for text in _texts(rule) for found in re.findall(r'namespace="([^"]+)"', text)}
    wanted = [each["labels"]["namespace"] for each in rule["spec"]["groups"][0]["rules"]]

    assert asked == set(wanted) == {"fleet-2"}


def test_how_many_are_wanted_follows_the_values() -> None:
    objects = rendered(ALL, gateway={"replicas": 5}, poolDefaults={"scaling": "fixed"})
    (rule,) = of_kind(objects, "PrometheusRule")

    wanted = {each["record"]: each["expr"] for each in rule["spec"]["groups"][0]["rules"]}

    assert wanted == {
        "moorage:gateways_wanted": "vector(5)",
        "moorage:controlplanes_wanted": "vector(1)",
        "moorage:autoscalers_wanted": "vector(0)",
    }


def test_an_alert_can_be_made_worse_or_turned_off() -> None:
    monitoring = {
        "prometheusRule": {"enabled": True, "severities": {"MoorageRestSlow": "off", "MoorageGatewayDown": "page"}}
    }
    (rule,) = of_kind(rendered(monitoring), "PrometheusRule")

    severities = {
        each["alert"]: each["labels"]["severity"]
        for group in rule["spec"]["groups"]
        for each in group["rules"]
        if "alert" in each
    }

    assert "MoorageRestSlow" not in severities
    assert severities["MoorageGatewayDown"] == "page"
    assert len(severities) == len(files.alerts()) - 1


def test_a_bare_off_turns_off_too_though_yaml_reads_it_as_false() -> None:
    objects = with_values("monitoring: {prometheusRule: {enabled: true, severities: {MoorageRestSlow: off}}}")
    (rule,) = of_kind(objects, "PrometheusRule")

    assert "MoorageRestSlow" not in {each.get("alert") for group in rule["spec"]["groups"] for each in group["rules"]}


def test_an_alert_that_is_not_there_cannot_be_turned_off() -> None:
    told = said("monitoring: {prometheusRule: {enabled: true, severities: {MoorageRestSloow: off}}}")

    assert "MoorageRestSloow, and there is no such alert" in told


def test_each_program_is_scraped_once_and_its_job_says_which_it_is() -> None:
    objects = rendered(ALL)
    (monitor,) = of_kind(objects, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"]
    scraped = [each for each in of_kind(objects, "Service") if wanted.items() <= each["metadata"]["labels"].items()]
    ports = {
        container_port["containerPort"]
        for deployment in of_kind(objects, "Deployment")
        for container in deployment["spec"]["template"]["spec"]["containers"]
        for container_port in container.get("ports", ())
    }

    components = [each["spec"]["selector"]["app.kubernetes.io/component"] for each in scraped]

    assert components == ["gateway", "controlplane", "autoscaler"]
    assert {each["metadata"]["name"].rpartition("-metrics")[0].rpartition("-")[2] for each in scraped} == set(
        components
    )
    assert all(each["spec"]["publishNotReadyAddresses"] for each in scraped)
    assert {port["targetPort"] for each in scraped for port in each["spec"]["ports"]} <= ports
    assert monitor["spec"]["endpoints"] == [{"port": "metrics", "path": "/metrics", "interval": "7s"}]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_workers_pods_are_what_the_pod_monitor_selects() -> None:
    objects = rendered(ALL)
    (monitor,) = of_kind(objects, "PodMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"]

    chosen = [
        each["metadata"]["name"]
        for each in of_kind(objects, "Deployment")
        if wanted.items() <= each["spec"]["template"]["metadata"]["labels"].items()
    ]

    assert chosen == ["it-moorage-pool-example"]
    assert monitor["spec"]["podMetricsEndpoints"][0]["interval"] == "9s"


def test_dashboards_arrive_as_they_are_where_grafana_looks() -> None:
    maps = [each for each in of_kind(rendered(ALL), "ConfigMap") if "grafana_dashboard" in each["metadata"]["labels"]]

    arrived = {name: json.loads(text) for each in maps for name, text in each["data"].items()}

    assert arrived == {f"moorage-{name}.json": dashboard for name, dashboard in files.dashboards().items()}
    assert {each["metadata"]["annotations"]["grafana_folder"] for each in maps} == {"Moorage"}


def test_nothing_of_it_is_there_unless_it_is_asked_for() -> None:
    objects = with_values("{}")

    kinds = {each["kind"] for each in objects}

    assert kinds & {"ServiceMonitor", "PodMonitor", "PrometheusRule"} == set()
    assert [each for each in of_kind(objects, "ConfigMap") if "dashboard" in each["metadata"]["name"]] == []


def _texts(rule: Document) -> list[str]:
    return [each["expr"] for group in rule["spec"]["groups"] for each in group["rules"]]
