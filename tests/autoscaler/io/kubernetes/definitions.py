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
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


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
        return f"{_CRDS}/{self.plural}.{self.group}"

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

    async def make(self, api: Api) -> bool:
        """False where there is one, which may be going."""
        try:
            await api.post(_CRDS, self.document)
        except Refused as error:
            if error.status != 409:
                raise
            return False
        return True

    async def stands(self, api: Api) -> bool:
        """Established and not going, listed and discovered."""
        try:
            found = await _read(api, self.path)
            if found is None or not _is_established(found):
                return False
            return await self._is_discovered(api) and await _read(api, f"{self._root}/{self.plural}") is not None
        except Refused:
            return False

    async def is_gone(self, api: Api) -> bool:
        """With its objects, and nobody discovers it any more."""
        return await _read(api, self.path) is None and not await self._is_discovered(api)

    @property
    def _root(self) -> str:
        return f"/apis/{self.group}/{self.version}"

    async def _is_discovered(self, api: Api) -> bool:
        kinds = (await _read(api, self._root) or {}).get("resources") or ()
        return self.plural in {each["name"] for each in kinds}


SCALED_OBJECT = Definition("ScaledObject", "scaledobjects", "keda.sh", "v1alpha1")
"""KEDA's."""


async def _read(api: Api, path: str) -> Document | None:
    """None: it is not there, or not served yet."""
    try:
        return await api.get(path)
    except Refused as error:
        if error.is_absent:
            return None
        raise


def _is_established(definition: Document) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    is_good = any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
    return is_good and not definition["metadata"].get("deletionTimestamp")
