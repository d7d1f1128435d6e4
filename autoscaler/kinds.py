"""Which resource of the Kubernetes API a target is, and the paths it has there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from autoscaler.policy import KubernetesTarget

_CUSTOM = re.compile(r"([a-z][a-z0-9-]*)\.([a-z0-9]([a-z0-9.-]*[a-z0-9])?)/([a-z0-9]+)")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object: one with a /scale, or one that scales others."""

    group: str
    version: str
    plural: str
    kind: str  # "" where only the object itself says it

    @property
    def is_deployment(self) -> bool:
        """It keeps ReplicaSets, and those keep the pods."""
        return (self.group, self.plural) == ("apps", "deployments")

    @property
    def is_stateful_set(self) -> bool:
        """Its pods go by number: always the highest first."""
        return (self.group, self.plural) == ("apps", "statefulsets")

    @property
    def api_version(self) -> str:
        """As a manifest says it."""
        return f"{self.group}/{self.version}"


DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment")
STATEFUL_SET = Kind("apps", "v1", "statefulsets", "StatefulSet")


def kind_of(said: str) -> Kind:
    """From a policy's `kind`. Raises ValueError saying what it may be.

    >>> kind_of("rollouts.argoproj.io/v1alpha1").plural
    'rollouts'
    """
    for known in (DEPLOYMENT, STATEFUL_SET):
        if said == known.kind:
            return known
    found = _CUSTOM.fullmatch(said)
    if found is None:
        raise ValueError(f'kind is Deployment, StatefulSet or "<plural>.<group>/<version>", not {said[:80]!r}')
    return Kind(found[2], found[4], found[1], "")


def object_path(kind: Kind, target: KubernetesTarget) -> str:
    """Of the scaled object; its scale is at `<path>/scale`."""
    return f"/apis/{kind.group}/{kind.version}/namespaces/{quote(target.namespace)}/{kind.plural}/{quote(target.name)}"


def pods_path(namespace: str, name: str = "") -> str:
    """Of all pods of a namespace, or of one."""
    return f"/api/v1/namespaces/{quote(namespace)}/pods" + (f"/{quote(name)}" if name else "")


def listing_path(group: str, version: str, namespace: str, plural: str) -> str:
    """Of all objects of a kind in a namespace."""
    return f"/apis/{group}/{version}/namespaces/{quote(namespace)}/{plural}"
