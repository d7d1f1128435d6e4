"""Who else scales the same target: HorizontalPodAutoscalers, and KEDA's ScaledObjects before they have made one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from autoscaler.kinds import Kind
from autoscaler.observation import Freeze, Problem

HPA = Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
SCALED_OBJECT = Kind("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
KINDS = (HPA, SCALED_OBJECT)
"""Of those who write replicas, in the order in which `rivals` takes their objects."""


def rivals(
    hpas: Iterable[Mapping[str, Any]], scaled_objects: Iterable[Mapping[str, Any]], *, kind: str, group: str, name: str
) -> list[str]:
    """Their names, as "HorizontalPodAutoscaler web". `kind` and `group` are the target's."""
    found = [_named(HPA, each) for each in hpas if _aims_at(each, kind, group, name)]
    return found + [_named(SCALED_OBJECT, each) for each in scaled_objects if _aims_at(each, kind, group, name)]


def problem(found: list[str], target: str) -> Problem | None:
    """Two who write the same number undo each other, and one of them picks victims blindly."""
    if not found:
        return None
    who = ", ".join(found[:3])
    return Problem(Freeze.RIVAL, f"{who} scales {target} too: delete it, or take this pool out of the autoscaler", True)


def _aims_at(document: Mapping[str, Any], kind: str, group: str, name: str) -> bool:
    aim = (document.get("spec") or {}).get("scaleTargetRef") or {}
    # KEDA's kind and apiVersion may be left out: then a Deployment of apps/v1 is meant.
    its_group = str(aim.get("apiVersion", "apps/v1")).partition("/")[0]
    return aim.get("name") == name and aim.get("kind", "Deployment") == kind and its_group == group


def _named(kind: Kind, document: Mapping[str, Any]) -> str:
    return f"{kind.kind} {document['metadata']['name']}"
