"""Pods, Deployments and Leases as the API server would say them."""

from __future__ import annotations

from typing import Any

from autoscaler.pods import Pod, pod_of

Document = dict[str, Any]
BORN = "2026-11-22T10:00:00Z"


def a_pod_document(
    name: str = "web-1-a",
    *,
    uid: str = "",
    version: str = "10",
    owner: str | None = "rs-1",
    phase: str = "Running",
    ready: str | None = "2026-11-22T10:00:20Z",
    is_ready: bool = True,
    node: str | None = "node-1",
    waiting: str | None = None,
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    deleted: str | None = None,
) -> Document:
    """Running and ready unless said; `ready`: when its readiness changed last."""
    meta: Document = {
        "name": name,
        "uid": uid or f"uid-{name}",
        "resourceVersion": version,
        "creationTimestamp": BORN,
        "labels": {"app": "web", "pod-template-hash": "1"} if labels is None else labels,
        "annotations": annotations or {},
    }
    if owner is not None:
        meta["ownerReferences"] = [{"uid": owner, "kind": "ReplicaSet", "controller": True}]
    if deleted is not None:
        meta["deletionTimestamp"] = deleted
    status: Document = {"phase": phase, "startTime": BORN}
    if ready is not None:
        condition = {"type": "Ready", "status": "True" if is_ready else "False", "lastTransitionTime": ready}
        status["conditions"] = [condition]
    if waiting is not None:
        status["containerStatuses"] = [{"state": {"waiting": {"reason": waiting}}}]
    return {"metadata": meta, "spec": {"nodeName": node} if node else {}, "status": status}


def a_pod(name: str = "web-1-a", **said: Any) -> Pod:
    """Parsed."""
    return pod_of(a_pod_document(name, **said))


def a_starting_pod(name: str, **said: Any) -> Pod:
    """Scheduled, pulling its image."""
    return a_pod(name, phase="Pending", ready=None, **said)


def a_deployment(**said: Any) -> Document:
    """Settled at 3 replicas; `spec` and `status` are laid over it."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "uid": "dep-1", "generation": said.get("generation", 4)},
        "spec": {"replicas": 3, "template": {"image": "a"}} | said.get("spec", {}),
        "status": {"observedGeneration": 4, "replicas": 3, "updatedReplicas": 3} | said.get("status", {}),
    }


def a_replica_set(name: str = "web-1", *, wanted: int = 3, owner: str = "dep-1") -> Document:
    """Of the Deployment above."""
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "ownerReferences": [{"uid": owner, "controller": True}]},
        "spec": {"replicas": wanted},
        "status": {"replicas": wanted},
    }
