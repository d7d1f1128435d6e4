"""What the scaled object says of itself: is it there, is it paused, is it replacing its pods.

It reads documents of Deployments, ReplicaSets, StatefulSets and whatever else has a /scale. Only what is known to say
something is judged: a custom resource without these fields is never rolling out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoscaler.observation import Freeze, Problem


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, or something like it."""

    uid: str
    kind: str
    api_version: str
    name: str
    is_paused: bool
    is_observed: bool  # its controller has seen the newest spec
    replicas: int | None  # of its status
    updated: int | None  # pods of the newest template
    is_turning: bool  # a StatefulSet between two revisions
    template: str  # fingerprint


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """One of a Deployment's."""

    uid: str
    name: str
    wanted: int
    replicas: int


def workload_of(document: Mapping[str, Any]) -> Workload:
    """From its JSON."""
    meta, spec, status = document["metadata"], document.get("spec") or {}, document.get("status") or {}
    seen = status.get("observedGeneration")
    # Numbers of a Deployment's and a StatefulSet's status that are 0 are left out.
    counts = str(document.get("apiVersion", "")).startswith("apps/") or "updatedReplicas" in status
    current, update = status.get("currentRevision"), status.get("updateRevision")
    if update:
        counts = False  # a StatefulSet counts a pod that goes among its replicas and not among the updated ones
    return Workload(
        uid=str(meta["uid"]),
        kind=str(document.get("kind", "")),
        api_version=str(document.get("apiVersion", "")),
        name=str(meta["name"]),
        is_paused=spec.get("paused") is True,
        is_observed=not isinstance(seen, int) or seen >= int(meta.get("generation", 0)),
        replicas=int(status.get("replicas", 0)) if counts else None,
        updated=int(status.get("updatedReplicas", 0)) if counts else None,
        is_turning=bool(current and update and current != update),
        template=_fingerprint(spec.get("template")),
    )


def replica_sets(documents: Sequence[Mapping[str, Any]], owner: str) -> tuple[ReplicaSet, ...]:
    """Those that belong to the Deployment with uid `owner`."""
    return tuple(
        ReplicaSet(
            str(each["metadata"]["uid"]),
            str(each["metadata"]["name"]),
            int((each.get("spec") or {}).get("replicas", 1)),
            int((each.get("status") or {}).get("replicas", 0)),
        )
        for each in documents
        if any(
            said.get("uid") == owner and said.get("controller")
            for said in each["metadata"].get("ownerReferences") or ()
        )
    )


def problem(workload: Workload, sets: Sequence[ReplicaSet], known_template: str | None) -> Problem | None:
    """What forbids lowering its replicas now.

    `known_template`: of the last time its controller had seen everything. A spec that the controller has not seen yet is a
    rollout only where the template changed: every write of replicas makes a new generation too.
    """
    where = f"{workload.kind or 'the target'} {workload.name}"
    if workload.is_paused:
        return Problem(Freeze.MISSING, f"{where} is paused: resume it (kubectl rollout resume)")
    if not workload.is_observed and workload.template != known_template:
        return Problem(Freeze.ROLLOUT, f"{where} has a new template that its controller has not seen yet: wait")
    busy = [each for each in sets if each.wanted or each.replicas]
    if len(busy) > 1:
        names = ", ".join(sorted(each.name for each in busy)[:4])
        return Problem(Freeze.ROLLOUT, f"{where} moves between {len(busy)} ReplicaSets ({names}): wait, or roll back")
    if workload.is_turning:
        return Problem(Freeze.ROLLOUT, f"{where} moves to a new revision: wait, or roll back")
    if workload.replicas is not None and workload.updated is not None and workload.updated < workload.replicas:
        old = workload.replicas - workload.updated
        return Problem(
            Freeze.ROLLOUT, f"{where} has {old} pods of an older template: wait for the rollout, or roll back"
        )
    return None


def missing(kind: str, namespace: str, name: str) -> Problem:
    """There is no such object: nothing can be written, in either direction."""
    return Problem(
        Freeze.MISSING, f"there is no {kind} {name} in {namespace}: create it, or correct the policy", blocks_up=True
    )


def without_pods(kind: str, name: str) -> Problem:
    """Its /scale does not say which pods are its own."""
    detail = f"the scale of {kind} {name} has no selector of its pods: its controller must fill labelSelectorPath"
    return Problem(Freeze.TARGET, detail, blocks_up=True)


def _fingerprint(template: object) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()
