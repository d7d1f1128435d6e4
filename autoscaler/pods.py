"""A pod as the autoscaler sees it, and the order in which a ReplicaSet would remove pods.

It reads documents of the API (docs: Pod v1). It does not know which pods carry sessions, and asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from autoscaler.observation import MemberSeen, Phase

COST = "controller.kubernetes.io/pod-deletion-cost"
TEMPLATE_HASH = "pod-template-hash"  # the label by which a ReplicaSet knows its pods
DETACHED = "moorage.dev/detached"  # ours: out of its ReplicaSet, about to be deleted
PROTECTION = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
}
NAMED_COST = -1_000_000  # of a pod that goes; far below what a person would write
BUSY_COST = 1_000_000  # of a pod with sessions: whoever lowers replicas without asking takes the idle ones first

_FAILING = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)


@dataclass(frozen=True, slots=True)
class Pod:
    """What matters of one pod."""

    uid: str
    name: str
    version: str  # resourceVersion
    owner: str | None  # uid of its controller
    owner_kind: str
    phase: Phase
    is_over: bool  # Succeeded or Failed: its ReplicaSet counts it no more
    is_scheduled: bool
    is_pending: bool
    is_ready: bool
    created_at: float
    ready_at: float | None
    cost: int
    template_hash: str | None
    is_detached: bool
    is_protected: bool  # carries every annotation of PROTECTION
    is_disrupted: bool  # evicted, preempted or drained away: not by a scale-in

    @property
    def is_active(self) -> bool:
        """Its controller counts it among the replicas."""
        return not self.is_over and self.phase is not Phase.TERMINATING

    @property
    def is_started(self) -> bool:
        """It was ready once: it may carry sessions, whatever it says now."""
        return self.is_ready or self.ready_at is not None


def pod_of(document: Mapping[str, Any]) -> Pod:
    """From a pod's JSON. Fields that are missing count as not set. Raises ValueError where it has no name or uid."""
    meta = _map(document.get("metadata"))
    status = _map(document.get("status"))
    name, uid = meta.get("name"), meta.get("uid")
    if not isinstance(name, str) or not isinstance(uid, str):
        raise ValueError("a pod without name and uid")
    labels, annotations = _map(meta.get("labels")), _map(meta.get("annotations"))
    owner = _controller(meta)
    ready = _condition(status, "Ready")
    return Pod(
        uid=uid,
        name=name,
        version=str(meta.get("resourceVersion", "")),
        owner=owner.get("uid"),
        owner_kind=str(owner.get("kind", "")),
        phase=_phase(meta, status),
        is_over=status.get("phase") in ("Succeeded", "Failed"),
        is_scheduled=bool(_map(document.get("spec")).get("nodeName")),
        is_pending=status.get("phase", "Pending") in ("Pending", "Unknown"),
        is_ready=ready.get("status") == "True",
        created_at=moment(meta.get("creationTimestamp")) or 0.0,
        ready_at=_ready_at(ready, status),
        cost=_cost(annotations.get(COST)),
        template_hash=labels.get(TEMPLATE_HASH),
        is_detached=DETACHED in labels,
        is_protected=all(annotations.get(key) == value for key, value in PROTECTION.items()),
        is_disrupted=_condition(status, "DisruptionTarget").get("status") == "True",
    )


def member_of(pod: Pod) -> MemberSeen:
    """As `decide` sees it."""
    return MemberSeen(pod.uid, pod.name, pod.phase, pod.is_ready, pod.created_at)


def rank(pod: Pod) -> tuple[bool, bool, bool, int]:
    """Lower goes first. The first four criteria of a ReplicaSet's scale-in (kubernetes/pkg/controller,
    ActivePodsWithRanks); what follows them (doubled up on a node, age, restarts) decides between equals only."""
    return (pod.is_scheduled, not pod.is_pending, pod.is_ready, pod.cost)


def in_front(pods: Iterable[Pod], named: frozenset[str]) -> list[Pod]:
    """Active pods that are not named and would go before, or might go instead of, the last of the named."""
    active = [pod for pod in pods if pod.is_active]
    last = max((rank(pod) for pod in active if pod.uid in named), default=None)
    if last is None:
        return []
    return [pod for pod in active if pod.uid not in named and rank(pod) <= last]


def moment(said: object) -> float | None:
    """Unix seconds of an RFC 3339 time.

    >>> moment("2026-11-22T00:00:00Z")
    1795305600.0
    """
    if not isinstance(said, str):
        return None
    try:
        return datetime.fromisoformat(said).timestamp()
    except ValueError:
        return None


def _phase(meta: Mapping[str, Any], status: Mapping[str, Any]) -> Phase:
    phase = status.get("phase")
    if meta.get("deletionTimestamp") or phase in ("Succeeded", "Failed"):
        return Phase.TERMINATING
    waits = (
        _map(_map(each.get("state")).get("waiting")).get("reason")
        for key in ("initContainerStatuses", "containerStatuses")
        for each in status.get(key) or ()
    )
    if any(reason in _FAILING for reason in waits):
        return Phase.FAILING
    return Phase.RUNNING if phase == "Running" else Phase.PENDING


def _ready_at(ready: Mapping[str, Any], status: Mapping[str, Any]) -> float | None:
    """When it became ready, or stopped being so. A pod that never was has its Ready condition from its start on."""
    changed = moment(ready.get("lastTransitionTime"))
    if changed is None or ready.get("status") == "True":
        return changed
    started = moment(status.get("startTime"))
    return changed if started is not None and changed > started + 1.0 and _has_run(status) else None


def _has_run(status: Mapping[str, Any]) -> bool:
    return status.get("phase") == "Running"


def _controller(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((each for each in meta.get("ownerReferences") or () if each.get("controller")), {})


def _condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((each for each in status.get("conditions") or () if each.get("type") == name), {})


def _cost(said: object) -> int:
    """0 where it is missing or no number, as Kubernetes reads it."""
    try:
        return int(said) if isinstance(said, str) else 0
    except ValueError:
        return 0


def _map(said: object) -> Mapping[str, Any]:
    return said if isinstance(said, Mapping) else {}
