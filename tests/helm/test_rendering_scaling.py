"""Pools that somebody else scales, and how many pods of a kind may be evicted at once."""

from __future__ import annotations

import pytest

from tests.helm.charts import with_values
from tests.helm.objects import of_kind

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

KEDA = "scaling: keda, maximum: 8, slots: 25, keda: {serverAddress: 'http://prometheus:9090', target: 0.5}"


def budgets(values: str) -> dict[str, object]:
    found = of_kind(with_values(values), "PodDisruptionBudget")
    return {each["metadata"]["name"].removeprefix("it-moorage-"): each["spec"]["maxUnavailable"] for each in found}


def test_keda_fills_a_part_of_each_workers_slots() -> None:
    (scaled,) = of_kind(with_values(f"pools: {{example: {{{KEDA}}}}}"), "ScaledObject")

    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metricType"] == "AverageValue"
    assert trigger["metadata"]["threshold"] == "12.5"


def test_keda_never_shrinks_a_pool_by_what_it_cannot_see() -> None:
    (scaled,) = of_kind(with_values(f"pools: {{example: {{{KEDA}}}}}"), "ScaledObject")

    assert scaled["spec"]["fallback"] == {"failureThreshold": 3, "replicas": 8, "behavior": "currentReplicas"}
    assert scaled["spec"]["triggers"][0]["metadata"]["ignoreNullValues"] == "false"


def test_an_hpa_asks_for_the_pools_own_sessions() -> None:
    objects = with_values("pools: {example: {pool: chat, region: eu, slots: 5, scaling: hpa, hpa: {target: 0.75}}}")
    (hpa,) = of_kind(objects, "HorizontalPodAutoscaler")

    (metric,) = hpa["spec"]["metrics"]
    assert metric["external"]["metric"]["selector"] == {"matchLabels": {"pool": "chat", "region": "eu"}}
    assert metric["external"]["target"]["averageValue"] == "3750m"


def test_what_runs_once_has_no_budget() -> None:
    assert budgets("gateway: {replicas: 1}\npools: {example: {maximum: 1}}") == {}
    assert budgets("gateway: {replicas: 1}\npools: {example: {scaling: fixed, replicas: 1}}") == {}


def test_what_runs_several_times_has_one() -> None:
    values = "database: {existingSecret: a}\ncontrolplane: {replicas: 2}\nautoscaler: {replicas: 2}\n"
    pools = "pools: {example: {podDisruptionBudget: {maxUnavailable: 5%}}, away: {enabled: false}}"

    assert budgets(values + pools) == {"gateway": 1, "controlplane": 1, "autoscaler": 1, "pool-example": "5%"}


def test_a_budget_that_is_not_wanted_is_not_there() -> None:
    values = "gateway: {podDisruptionBudget: {enabled: false}}\npoolDefaults: {podDisruptionBudget: {enabled: false}}"

    assert budgets(values) == {}
