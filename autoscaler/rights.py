"""What the autoscaler must be allowed to do in a target's namespace, and what stops without it.

One table: the Role of docs/autoscaler.md, the reviews that are asked of the API server, and the sentences of its conditions
are made of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from autoscaler.kinds import Kind
from autoscaler.observation import Freeze, Problem


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource."""

    verb: str
    group: str
    resource: str
    purpose: str
    freeze: Freeze = Freeze.TARGET
    subresource: str = ""
    blocks_up: bool = False
    blocks_down: bool = True
    is_of_target: bool = False  # asked for by the target's name: a Role may grant it for that one alone

    @property
    def path(self) -> str:
        """As a Role names it: "deployments/scale"."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def needed(kind: Kind) -> tuple[Right, ...]:
    """For one target."""
    own = (
        Right("get", kind.group, kind.plural, "to see rollouts"),
        Right("get", kind.group, kind.plural, "to read replicas", subresource="scale", blocks_up=True),
        Right("patch", kind.group, kind.plural, "to write replicas", subresource="scale", blocks_up=True),
    )
    sets = (Right("list", "apps", "replicasets", "to see rollouts"),) if kind.is_deployment else ()
    return tuple(replace(right, is_of_target=True) for right in own) + sets + _EVERYWHERE


def problem(right: Right, namespace: str) -> Problem:
    """Of a right that is missing."""
    group = f".{right.group}" if right.group else ""
    detail = f"may not {right.verb} {right.path}{group} in {namespace}, {right.purpose}: grant it (docs/autoscaler.md, Rights)"
    return Problem(right.freeze, detail, right.blocks_up, right.blocks_down)


def rules(rights: Iterable[Right]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Rules of a Role: (group, resource, verbs), in the table's order."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in rights:
        found.setdefault((each.group, each.path), []).append(each.verb)
    return [(group, path, tuple(verbs)) for (group, path), verbs in found.items()]


_EVERYWHERE = (
    Right("list", "", "pods", "to see the pool's pods", blocks_up=True),
    Right("watch", "", "pods", "to see the pool's pods", blocks_up=True),
    Right("patch", "", "pods", "to name who goes and to protect who is busy"),
    Right("delete", "", "pods", "to remove exactly who was named"),
    Right("list", "autoscaling", "horizontalpodautoscalers", "to see who else scales it", Freeze.RIVAL),
    Right("list", "keda.sh", "scaledobjects", "to see who else scales it", Freeze.RIVAL),
    Right("create", "events.k8s.io", "events", "to tell what it did", blocks_down=False),
)

LEASE = (
    Right("create", "coordination.k8s.io", "leases", "to elect a leader", blocks_up=True),
    Right("get", "coordination.k8s.io", "leases", "to elect a leader", blocks_up=True),
    Right("update", "coordination.k8s.io", "leases", "to elect a leader", blocks_up=True),
)
"""In the namespace of the autoscaler itself."""
