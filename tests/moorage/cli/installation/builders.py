"""Documents as an API server gives them, for one release called `m` in namespace `prod`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from moorage.cli.installation.documents import Document, Registered, Seen

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
NAME = "app.kubernetes.io/name"


def stamp(ago: float) -> str:
    """So many seconds before NOW, as the API writes it."""
    return datetime.fromtimestamp(NOW - ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def meta(name: str, component: str = "", *, owner: str = "", ago: float = 3600, **more: Any) -> dict[str, Any]:
    """Its uid is `uid-<name>`."""
    labels = {NAME: "moorage", "app.kubernetes.io/instance": "m"} | (
        {"app.kubernetes.io/component": component} if component else {}
    )
    if component == "worker":
        labels |= {"moorage.dev/pool": "gpu", "moorage.dev/region": "eu"}
    owners = [{"uid": f"uid-{owner}", "controller": True}] if owner else []
    made = {
        "name": name,
        "uid": f"uid-{name}",
        "labels": labels,
        "ownerReferences": owners,
        "creationTimestamp": stamp(ago),
    }
    return made | more


def a_deployment(
    component: str = "gateway", *, name: str = "", replicas: int = 1, ready: int = 1, ago: float = 3600, **more: Any
) -> dict[str, Any]:
    status = {"replicas": replicas, "readyReplicas": ready, "conditions": more.pop("conditions", [])}
    spec = {"replicas": replicas, "template": {"spec": {}}} | more
    return {"metadata": meta(name or f"m-moorage-{component}", component, ago=ago), "spec": spec, "status": status}


def a_replica_set(deployment: str, **status: Any) -> dict[str, Any]:
    return {"metadata": meta(f"{deployment}-1", owner=deployment), "status": status}


def a_pod(
    deployment: str = "m-moorage-gateway", *, letter: str = "a", ready: bool = False, ago: float = 3600, **more: Any
) -> dict[str, Any]:
    """Of the Deployment's ReplicaSet; runs unless `status` says otherwise."""
    component = "worker" if "-pool-" in deployment else deployment.rpartition("-")[2]
    said = {"type": "Ready", "status": str(ready), "lastTransitionTime": stamp(ago)}
    status = {
        "phase": "Running",
        "conditions": [said],
        "containerStatuses": [{"name": "main", "state": {"running": {}}}],
    }
    spec = {"containers": [{"name": "main", "image": "ghcr.io/acme/moorage:1.2"}]}
    name = f"{deployment}-1-{letter}"
    return {"metadata": meta(name, component, owner=f"{deployment}-1", ago=ago), "spec": spec, "status": status | more}


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    """A pod's status whose container does."""
    container = {"name": "main", "restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}} | more
    return {"phase": "Pending", "containerStatuses": [container]}


def an_event(
    about: str, reason: str, message: str, *, kind: str = "Pod", ago: float = 60, count: int = 1
) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{about}.{reason}"},
        "involvedObject": {"kind": kind, "name": about},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "count": count,
        "lastTimestamp": stamp(ago),
    }


def a_service(name: str) -> dict[str, Any]:
    return {"metadata": meta(f"m-moorage-{name}", name)}


def a_look(*, registry: tuple[Registered, ...] | None = None, **lists: Sequence[Document] | dict[str, str]) -> Seen:
    """What was read; `logs`, `certificates` and `unread` are mappings, all else are lists of documents."""
    named = {key: lists.pop(key, {}) for key in ("logs", "certificates", "unread")}
    documents = {plural: tuple(found) for plural, found in lists.items() if not isinstance(found, dict)}
    return Seen("m", "prod", NOW, documents, registry=registry, **named)  # type: ignore[arg-type]


def a_stuck_deployment(status: dict[str, Any], **more: Any) -> Seen:
    """A gateway whose one pod has this status."""
    return a_look(
        deployments=[a_deployment(ready=0)],
        replicasets=[a_replica_set("m-moorage-gateway")],
        pods=[a_pod(**status)],
        **more,
    )
