"""Which of the needed rights we have: asked of the API server, before something irreversible is begun.

Every authenticated user may ask this of itself (SelfSubjectAccessReview). Where even that is refused, nothing is known to be
missing, and the refusals of single calls tell. RBAC forbids before it says that there is no such kind: what may not be listed
is left alone whether the kind is there or not, and is worth a word only where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler.io.kubernetes.api import Api, Document
from autoscaler.io.kubernetes.troubles import Refused
from autoscaler.rights import Right
from autoscaler.rivals import SCALED_OBJECT

EVERY = 600.0  # all of them
AGAIN = 15.0  # those that were missing: granted since, or of a kind that was installed since
_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Review:
    """`missing`: may not be done. `wanted`: those of them whose kind is there."""

    missing: tuple[Right, ...] = ()
    wanted: tuple[Right, ...] = ()


class Reviewer:
    """Of one target's rights."""

    def __init__(self, api: Api, namespace: str, name: str, needed: Sequence[Right]) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._needed = needed
        self._last = Review()
        self._all_at = float("-inf")
        self._again_at = float("-inf")

    async def review(self) -> Review:
        """As of a while ago. Raises Trouble."""
        now = asyncio.get_running_loop().time()
        if now >= self._all_at:
            self._last = await self._ask(self._needed)
            self._all_at, self._again_at = now + EVERY, now + AGAIN
        elif self._last.missing and now >= self._again_at:
            self._last = await self._ask(self._last.missing)
            self._again_at = now + AGAIN
        return self._last

    def doubt(self) -> None:
        """A call was forbidden: all are asked again at the next look."""
        self._all_at = float("-inf")

    async def _ask(self, rights: Sequence[Right]) -> Review:
        missing = []
        for right in rights:
            try:
                answer = await self._api.post(_PATH, _review(right, self._namespace, self._name))
            except Refused as error:
                if error.status in (403, 404):
                    return Review()
                raise
            if not (answer.get("status") or {}).get("allowed"):
                missing.append(right)
        wanted = [right for right in missing if right.group != SCALED_OBJECT.group or await self._has_keda()]
        return Review(tuple(missing), tuple(wanted))

    async def _has_keda(self) -> bool:
        """Also where discovery is forbidden: then the right is wanted rather than forgotten."""
        try:
            kinds = (await self._api.get(f"/apis/{SCALED_OBJECT.api_version}")).get("resources") or ()
        except Refused as error:
            if error.is_absent or error.is_forbidden:
                return error.is_forbidden
            raise
        return any(each.get("name") == SCALED_OBJECT.plural for each in kinds)


def _review(right: Right, namespace: str, name: str) -> Document:
    attributes = {"namespace": namespace, "verb": right.verb, "group": right.group, "resource": right.resource}
    if right.subresource:
        attributes["subresource"] = right.subresource
    if right.is_of_target:
        attributes["name"] = name
    spec = {"resourceAttributes": attributes}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
