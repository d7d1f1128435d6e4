"""The replicas of one target: read, and written only where they are still what was read."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.io.kubernetes.api import Api, Document
from autoscaler.io.kubernetes.pen import Pen
from autoscaler.io.kubernetes.troubles import Refused


@dataclass(frozen=True, slots=True)
class ScaleSeen:
    """What /scale says."""

    replicas: int  # asked for
    selector: str  # of its pods, as a query takes it


class Scale:
    """`path` is the object's; a write is a JSON Patch that tests before it replaces (RFC 6902)."""

    def __init__(self, api: Api, pen: Pen, path: str) -> None:
        self._api = api
        self._pen = pen
        self._path = f"{path}/scale"

    async def read(self) -> ScaleSeen:
        """Raises Trouble."""
        return _seen(await self._api.get(self._path))

    async def write(self, replicas: int, *, was: int) -> int | None:
        """What it asks for now, or None: it no longer asked for `was`. Raises Trouble."""
        try:
            answer = await self._pen.patch(self._path, swap(replicas, was), "scale")
        except Refused as error:
            if error.is_conflict:
                return None
            raise
        return _seen(answer).replicas


def swap(replicas: int, was: int) -> list[Document]:
    """A Scale leaves out replicas that are 0, and a test of what is not there fails: from 0 it is the whole spec that is tested."""
    if was == 0:
        return [
            {"op": "test", "path": "/spec", "value": {}},
            {"op": "replace", "path": "/spec", "value": {"replicas": replicas}},
        ]
    return [
        {"op": "test", "path": "/spec/replicas", "value": was},
        {"op": "replace", "path": "/spec/replicas", "value": replicas},
    ]


def _seen(document: Document) -> ScaleSeen:
    spec, status = document.get("spec") or {}, document.get("status") or {}
    return ScaleSeen(int(spec.get("replicas") or 0), str(status.get("selector") or ""))
