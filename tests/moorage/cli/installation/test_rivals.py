"""Who else scales a pool."""

from __future__ import annotations

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation import (
    rivals,
)
from moorage.cli.installation.documents import Document
from tests.moorage.cli.installation.builders import a_deployment, a_look, meta

POLICY = """
[[pools]]
region = "eu"
pool = "gpu"
target = { kind = "kubernetes", namespace = "prod", name = "m-moorage-pool-gpu" }
"""
POOL = "m-moorage-pool-gpu"


def scaled(*, ours: bool, hpas: list[Document] | None = None, scaled: list[Document] | None = None) -> list[Finding]:
    deployments = [a_deployment("worker", name=POOL)] + ([a_deployment("autoscaler")] if ours else [])
    policy = {"metadata": meta("m-moorage-autoscaler"), "data": {"pools.toml": POLICY, "note": "no = [toml"}}
    found = a_look(
        deployments=deployments, configmaps=[policy], horizontalpodautoscalers=hpas or [], scaledobjects=scaled or []
    )
    return list(rivals.examine(found))


def test_an_hpa_beside_our_autoscaler_fails() -> None:
    [found] = scaled(ours=True, hpas=[scaler("web")])

    assert (found.subject, found.grade) == ("pool gpu", Grade.FAIL)
    assert found.sentence.startswith(f"HorizontalPodAutoscaler web scales {POOL} too")


def test_a_scaled_object_beside_our_autoscaler_fails() -> None:
    assert "ScaledObject web" in scaled(ours=True, scaled=[scaler("web")])[0].sentence


def test_one_scaler_alone_is_what_the_pool_asked_for() -> None:
    assert scaled(ours=False, hpas=[scaler("web")]) == []


def test_kedas_own_hpa_is_the_scaled_object() -> None:
    made = scaler("keda-hpa-web", ownerReferences=[{"uid": "uid-web"}])

    assert scaled(ours=False, hpas=[made], scaled=[scaler("web")]) == []


def test_two_others_undo_each_other() -> None:
    assert "undo each other" in scaled(ours=False, hpas=[scaler("a"), scaler("b")])[0].sentence


def test_what_the_chart_says_of_a_pool_counts_without_the_policy_file() -> None:
    def judged(scaling: str) -> list[Finding]:
        pool = a_deployment("worker", name=POOL)
        pool["metadata"]["annotations"] = {"moorage.dev/scaling": scaling}
        return list(rivals.examine(a_look(deployments=[pool], horizontalpodautoscalers=[scaler("web")])))

    assert "our autoscaler freezes" in judged("builtin")[0].sentence
    assert "scaling: fixed" in judged("fixed")[0].sentence
    assert judged("hpa") == []


def scaler(name: str, **more: object) -> Document:
    aim = {"apiVersion": "apps/v1", "kind": "Deployment", "name": POOL}
    return {"metadata": meta(name) | more, "spec": {"scaleTargetRef": aim}}
