"""Who else writes the replicas of a Deployment that our autoscaler scales, or that another one scales already."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from autoscaler.rivals import rivals
from moorage.cli.findings import Finding, Grade
from moorage.cli.installation.documents import (
    COMPONENT,
    SCALING,
    Document,
    Seen,
    annotation,
    label,
    listed,
    name,
    owners,
    uid,
)
from moorage.cli.installation.parts import WORKLOADS
from moorage.cli.installation.workloads import subject


def examine(seen: Seen) -> Iterator[Finding]:
    """One line for each Deployment with two writers."""
    ours = targets(seen)
    scaled = seen.all("scaledobjects")
    made = {uid(each) for each in scaled}
    own = [
        each for each in seen.all("horizontalpodautoscalers") if not owners(each) & made
    ]  # KEDA's are its ScaledObject's
    for workload in seen.all(*WORKLOADS):
        kind = "StatefulSet" if "serviceName" in (workload.get("spec") or {}) else "Deployment"
        others = rivals(own, scaled, kind=kind, group="apps", name=name(workload))
        scaling = annotation(workload, SCALING)
        if others and (scaling == "builtin" or name(workload) in ours):
            yield _beside_us(workload, others)
        elif others and scaling == "fixed":
            yield _beside_the_chart(workload, others)
        elif len(others) > 1:
            yield _beside_each_other(workload, others)


def targets(seen: Seen) -> frozenset[str]:
    """Names of what the autoscaler's policy file scales in this namespace; of none where no autoscaler is there."""
    if not any(label(each, COMPONENT) == "autoscaler" for each in seen.all(*WORKLOADS)):
        return frozenset()
    texts = (text for each in seen.all("configmaps") for text in (each.get("data") or {}).values())
    return frozenset(found for text in texts for found in _targets(str(text), seen.namespace))


def _targets(text: str, namespace: str) -> Iterator[str]:
    try:
        pools = tomllib.loads(text).get("pools", ())
    except tomllib.TOMLDecodeError:
        return
    for pool in pools if isinstance(pools, list) else ():
        target = pool.get("target") or {}
        if target.get("kind") == "kubernetes" and target.get("namespace", namespace) == namespace:
            yield str(target.get("name", ""))


def _beside_us(workload: Document, others: list[str]) -> Finding:
    sentence = (
        f"{listed(others)} scales {name(workload)} too: our autoscaler freezes (RIVAL), and the other one cuts sessions"
    )
    advice = "delete it, or set the pool's scaling to hpa or keda, which takes it out of our autoscaler"
    return Finding(subject(workload), Grade.FAIL, sentence, advice)


def _beside_the_chart(workload: Document, others: list[str]) -> Finding:
    sentence = (
        f"{listed(others)} scales {name(workload)}, whose replicas the chart writes at each upgrade (scaling: fixed)"
    )
    return Finding(subject(workload), Grade.FAIL, sentence, "delete it, or set the pool's scaling to hpa or keda")


def _beside_each_other(workload: Document, others: list[str]) -> Finding:
    sentence = f"{' and '.join(others)} scale {name(workload)} both, and undo each other"
    return Finding(subject(workload), Grade.FAIL, sentence, "delete one of them")
