"""Which of the needed rights we have: asked of the API server, before something irreversible is begun.

Every authenticated user may ask this of itself (SelfSubjectAccessReview). Where even that is refused, nothing is known to be
missing, and the refusals of single calls tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from autoscaler.io.kubernetes.api import Api, Document
from autoscaler.io.kubernetes.troubles import Refused
from autoscaler.rights import Right

EVERY = 600.0  # while nothing is missing
AGAIN = 15.0  # while something is
_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Reviewer:
    """Of one target's rights."""

    def __init__(self, api: Api, namespace: str, name: str, needed: Sequence[Right]) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._needed = needed
        self._missing: tuple[Right, ...] = ()
        self._due_at = float("-inf")

    async def missing(self) -> tuple[Right, ...]:
        """As of a while ago. Raises Trouble."""
        now = asyncio.get_running_loop().time()
        if now >= self._due_at:
            self._missing = await self._ask()
            self._due_at = now + (AGAIN if self._missing else EVERY)
        return self._missing

    def doubt(self) -> None:
        """A call was forbidden: asked again at the next look."""
        self._due_at = float("-inf")

    async def _ask(self) -> tuple[Right, ...]:
        missing = []
        for right in self._needed:
            try:
                answer = await self._api.post(_PATH, _review(right, self._namespace, self._name))
            except Refused as error:
                if error.status in (403, 404):
                    return ()
                raise
            if not (answer.get("status") or {}).get("allowed"):
                missing.append(right)
        if any(right.group == "keda.sh" for right in missing) and not await self._has_keda():
            missing = [right for right in missing if right.group != "keda.sh"]
        return tuple(missing)

    async def _has_keda(self) -> bool:
        try:
            await self._api.get("/apis/keda.sh")
        except Refused as error:
            if error.is_absent:
                return False
            raise
        return True


def _review(right: Right, namespace: str, name: str) -> Document:
    attributes = {"namespace": namespace, "verb": right.verb, "group": right.group, "resource": right.resource}
    if right.subresource:
        attributes["subresource"] = right.subresource
    if right.is_of_target:
        attributes["name"] = name
    spec = {"resourceAttributes": attributes}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
