"""Kinds that a test brings along. They belong to the whole cluster: the next test must not meet one that is on its way out.

One that is being deleted is still listed and discovered for a moment, and refuses a new one of its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autoscaler.io.kubernetes.api import Api, Document
from autoscaler.io.kubernetes.troubles import Refused

SECONDS = 60.0
"""For one to be served, or to be gone; a second is usual, five where an object has to go first."""
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, slots=True)
class Definition:
    """Of a namespaced kind without a schema."""

    kind: str
    plural: str
    group: str
    version: str
    subresources: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Of the definition itself."""
        return f"{CRDS}/{self.plural}.{self.group}"

    @property
    def document(self) -> Document:
        """That makes it."""
        version = {
            "name": self.version,
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            "subresources": dict(self.subresources),
        }
        names = {"plural": self.plural, "singular": self.kind.lower(), "kind": self.kind}
        spec = {"group": self.group, "scope": "Namespaced", "names": names, "versions": [version]}
        return {"metadata": {"name": f"{self.plural}.{self.group}"}, "spec": spec}

    async def stands(self, api: Api) -> bool:
        """Established and not going, listed and discovered."""
        try:
            found = await read(api, self.path)
            if found is None or found["metadata"].get("deletionTimestamp") or not is_true(found, "Established"):
                return False
            return await self._is_discovered(api) and await read(api, f"{self._root}/{self.plural}") is not None
        except Refused:
            return False

    async def is_gone(self, api: Api) -> bool:
        """With its objects, and nobody discovers it any more."""
        return await read(api, self.path) is None and not await self._is_discovered(api)

    @property
    def _root(self) -> str:
        return f"/apis/{self.group}/{self.version}"

    async def _is_discovered(self, api: Api) -> bool:
        kinds = (await read(api, self._root) or {}).get("resources") or ()
        return self.plural in {each["name"] for each in kinds}


SCALED_OBJECT = Definition("ScaledObject", "scaledobjects", "keda.sh", "v1alpha1")
"""KEDA's."""


async def read(api: Api, path: str) -> Document | None:
    """None: it is not there, or not served yet."""
    try:
        return await api.get(path)
    except Refused as error:
        if error.is_absent:
            return None
        raise


def is_true(document: Document, condition: str) -> bool:
    """Of the conditions in its status."""
    conditions = (document.get("status") or {}).get("conditions") or ()
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)
