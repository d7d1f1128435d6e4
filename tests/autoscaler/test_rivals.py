"""Who else scales a target."""

from __future__ import annotations

from typing import Any

from autoscaler.observation import Freeze
from autoscaler.rivals import problem, rivals


def aiming(named: str, **aim: Any) -> dict[str, Any]:
    return {"metadata": {"name": named}, "spec": {"scaleTargetRef": aim}}


def found(hpas: list[dict[str, Any]], scaled: list[dict[str, Any]]) -> list[str]:
    return rivals(hpas, scaled, kind="Deployment", group="apps", name="web")


def test_an_hpa_on_the_target_is_a_rival_and_others_are_not() -> None:
    hpas = [
        aiming("ours", apiVersion="apps/v1", kind="Deployment", name="web"),
        aiming("elsewhere", apiVersion="apps/v1", kind="Deployment", name="api"),
        aiming("a-set", apiVersion="apps/v1", kind="StatefulSet", name="web"),
        aiming("custom", apiVersion="fleet.example.com/v1", kind="Deployment", name="web"),
    ]

    assert found(hpas, []) == ["HorizontalPodAutoscaler ours"]


def test_a_scaled_object_means_a_deployment_unless_it_says_otherwise() -> None:
    assert found([], [aiming("keda", name="web"), aiming("set", name="web", kind="StatefulSet")]) == [
        "ScaledObject keda"
    ]


def test_a_rival_forbids_both_directions_and_is_named() -> None:
    assert problem([], "prod/web") is None

    said = problem(["HorizontalPodAutoscaler ours"], "prod/web")

    assert said is not None
    assert (said.freeze, said.blocks_up, said.blocks_down) == (Freeze.RIVAL, True, True)
    assert "HorizontalPodAutoscaler ours" in said.detail
