"""What is read of a target beside its pods: replicas, rollouts, rivals. Cached for as long as it may be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from autoscaler import rights, rivals, workloads
from autoscaler.io.kubernetes.api import Api, Document
from autoscaler.io.kubernetes.scale import Scale, ScaleSeen
from autoscaler.io.kubernetes.troubles import Refused
from autoscaler.kinds import Kind, kind_of, listing_path, object_path
from autoscaler.observation import Problem
from autoscaler.pods import Pod
from autoscaler.policy import KubernetesTarget

RIVALS_EVERY = 10.0
_NO_SETS: tuple[workloads.ReplicaSet, ...] = ()
_PAGE = "250"
_PAGES = 40


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One look at the object itself."""

    scale: ScaleSeen
    workload: workloads.Workload
    sets: tuple[workloads.ReplicaSet, ...]
    problems: tuple[Problem, ...]


class Survey:
    """Of one target. Reads only."""

    def __init__(self, api: Api, target: KubernetesTarget, scale: Scale) -> None:
        self._api = api
        self._target = target
        self._kind: Kind = kind_of(target.kind)
        self._scale = scale
        self._template: str | None = None
        self._rivals: list[str] = []
        self._rivals_at = float("-inf")
        self.last: Surveyed | None = None

    async def take(self, missing: tuple[rights.Right, ...], *, rivals_now: bool = False) -> Surveyed:
        """Everything, anew. What may not be read (`missing`) is left out. Raises Trouble."""
        lacks = {(right.verb, right.path) for right in missing}
        scale = await self._scale.read()
        problems = []
        workload, sets = _unknown(self._target), _NO_SETS
        if ("get", self._kind.plural) not in lacks:
            workload, sets = await self._object(scale.selector, reads_sets=("list", "replicasets") not in lacks)
            if found := workloads.problem(workload, sets, self._template):
                problems.append(found)
            if workload.is_observed:
                self._template = workload.template
        found = await self._rival(workload, lacks, now=rivals_now)
        if found:
            problems.append(found)
        self.last = Surveyed(scale, workload, sets, tuple(problems))
        return self.last

    def is_own(self, pod: Pod) -> bool:
        """Whether a pod is among the target's replicas. A pod of a ReplicaSet that is newer than the last look counts."""
        seen = self.last
        if seen is None or pod.owner is None:
            return False
        if self._kind.is_deployment and seen.sets:
            return pod.owner_kind == "ReplicaSet" and pod.name.startswith(f"{self._target.name}-")
        if self._kind.is_stateful_set:
            return pod.owner == seen.workload.uid or not seen.workload.uid
        return True

    async def _object(
        self, selector: str, *, reads_sets: bool
    ) -> tuple[workloads.Workload, tuple[workloads.ReplicaSet, ...]]:
        workload = workloads.workload_of(await self._api.get(object_path(self._kind, self._target)))
        if not (self._kind.is_deployment and reads_sets):
            return workload, ()
        path = listing_path("apps", "v1", self._target.namespace, "replicasets")
        documents = (await self._api.get(path, {"labelSelector": selector})).get("items") or ()
        return workload, workloads.replica_sets(documents, workload.uid)

    async def _rival(self, workload: workloads.Workload, lacks: set[tuple[str, str]], *, now: bool) -> Problem | None:
        clock = asyncio.get_running_loop().time()
        if now or clock - self._rivals_at >= RIVALS_EVERY:
            hpas, scaled = [
                await self._listed(kind) if ("list", kind.plural) not in lacks else [] for kind in rivals.KINDS
            ]
            kind = self._kind.kind or workload.kind
            self._rivals = rivals.rivals(hpas, scaled, kind=kind, group=self._kind.group, name=self._target.name)
            self._rivals_at = clock
        return rivals.problem(self._rivals, f"{self._target.namespace}/{self._target.name}")

    async def _listed(self, kind: Kind) -> list[Document]:
        """A kind that is not installed has no objects."""
        path = listing_path(kind.group, kind.version, self._target.namespace, kind.plural)
        found: list[Document] = []
        more = ""
        try:
            for _ in range(_PAGES):
                page = await self._api.get(path, {"limit": _PAGE} | ({"continue": more} if more else {}))
                found += page.get("items") or ()
                more = str((page.get("metadata") or {}).get("continue") or "")
                if not more:
                    break
        except Refused as error:
            if not error.is_absent:
                raise
        return found


def _unknown(target: KubernetesTarget) -> workloads.Workload:
    return workloads.Workload("", target.kind, "", target.name, False, True, None, None, False, "")
