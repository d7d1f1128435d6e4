"""A namespace of a real API server, for tests marked `kubernetes`.

The autoscaler under test comes with a service account that has the Role of role.yaml and nothing else.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from autoscaler.io.kubernetes.api import Api, Document
from autoscaler.io.kubernetes.cluster import Cluster
from autoscaler.io.kubernetes.credentials import connect
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.troubles import Refused, Unreachable
from tests.autoscaler.io.kubernetes import definitions
from tests.autoscaler.io.kubernetes.definitions import SCALED_OBJECT, Definition, is_true
from tests.autoscaler.io.kubernetes.places import Place

ROLE = Path(__file__).with_name("role.yaml")
KWOK_NODES = 3
IMAGE = os.environ.get("MOORAGE_TEST_IMAGE", "registry.k8s.io/pause:3.10")
"""Of pods that do nothing. kwok pulls none."""
_KWOK = "kwok.x-k8s.io/node"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Real:
    """One namespace of a cluster, with an administrator's rights. Use as a context manager; `kubeconfigs` holds credentials."""

    def __init__(self, place: Place, kubeconfigs: Path) -> None:
        self.place = place
        self.namespace = f"moorage-{os.urandom(4).hex()}"
        self._folder = kubeconfigs
        self.api = Api(lambda: connect(place.kubeconfig), KubernetesMetrics(CollectorRegistry()))
        self.has_kwok = False  # else pods are real ones, and nodes are not ours to change
        self._clusters: list[Cluster] = []
        self._made: list[Definition] = []
        self._granted: list[Document] = []  # one right of each account

    async def __aenter__(self) -> Real:
        try:
            await self.until(self.answers, seconds=30)
            await self.create("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
            await self.until(self._has_account)
        except BaseException:
            await self.api.close()
            raise
        return self

    async def __aexit__(self, *said: object) -> None:
        try:
            for kind in list(self._made):
                await self.undefine(kind)
            await self.api.delete(f"/api/v1/namespaces/{self.namespace}", {})
        finally:
            for each in self._clusters:
                await each.close()
            await self.api.close()

    def path(self, plural: str, name: str = "", group: str = "apps", version: str = "v1") -> str:
        """Of objects in this namespace; group "" is the core."""
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    async def create(self, path: str, document: Document) -> Document:
        """Nothing happens where it is there."""
        try:
            return await self.api.post(path, document)
        except Refused as error:
            if error.status != 409:
                raise
            return {}

    async def nodes(self) -> None:
        """That kwok plays, where there are none at all or kwok's own; the nodes of others are taken as they are."""
        found = (await self.api.get("/api/v1/nodes"))["items"]
        self.has_kwok = all(_KWOK in (node["metadata"].get("annotations") or {}) for node in found)
        for number in range(KWOK_NODES if self.has_kwok else 0):
            name = f"kwok-{number}"
            room = {"cpu": "64", "memory": "256Gi", "pods": "250"}
            await self.create(
                "/api/v1/nodes",
                {
                    "metadata": {
                        "name": name,
                        "annotations": {_KWOK: "fake"},
                        "labels": {"kubernetes.io/hostname": name, "type": "kwok"},
                    },
                    "status": {"allocatable": room, "capacity": room},
                },
            )

    def only_with_kwok(self) -> None:
        """Skips where nodes and pods are not ours to change."""
        if not self.has_kwok:
            pytest.skip("nodes and pods that kwok plays are needed")

    async def keda(self) -> None:
        """Its ScaledObject is known as a kind, until the end; nothing of KEDA runs."""
        await self.define(SCALED_OBJECT)

    async def has_keda(self) -> bool:
        """Somebody else's."""
        return await SCALED_OBJECT.stands(self.api)

    async def define(self, kind: Definition) -> None:
        """It is served from now on, and gone at the end; one of somebody else is taken as it is, and stays."""

        async def stands() -> bool:
            if kind not in self._made and await self.create(definitions.CRDS, kind.document):
                self._made.append(kind)
            return await kind.stands(self.api)

        await self.until(stands, seconds=definitions.SECONDS)

    async def undefine(self, kind: Definition) -> None:
        """And waits until nothing is left of it. Only of one that was made here."""
        if kind not in self._made:
            return
        self._made.remove(kind)
        await self.api.delete(kind.path, {})
        await self.until(lambda: kind.is_gone(self.api), seconds=definitions.SECONDS)

    async def cordon(self, *, unschedulable: bool) -> None:
        """New pods stay pending, as where images take their time; or no longer."""
        assert self.has_kwok, "only nodes that kwok plays are cordoned by a test"
        for number in range(KWOK_NODES):
            await self.api.patch(f"/api/v1/nodes/kwok-{number}", {"spec": {"unschedulable": unschedulable}})

    async def deployment(self, *, replicas: int, **pod: Any) -> str:
        """Its uid. `pod`: fields of its pods' spec."""
        return await self._workload("deployments", replicas, pod)

    async def stateful_set(self, *, replicas: int) -> str:
        """Its uid. All its pods start at once."""
        return await self._workload("statefulsets", replicas, {}, podManagementPolicy="Parallel")

    async def _workload(self, plural: str, replicas: int, pod: Document, **more: Any) -> str:
        container = {"name": "main", "image": IMAGE, "imagePullPolicy": "IfNotPresent"}
        spec = {"containers": [container], "terminationGracePeriodSeconds": 1} | pod
        labels = {"app": "web"}
        made = await self.api.post(
            self.path(plural),
            {
                "metadata": {"name": "web"},
                "spec": more
                | {
                    "replicas": replicas,
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": spec},
                },
            },
        )
        return str(made["metadata"]["uid"])

    async def pods(self, name: str = "web") -> dict[str, Document]:
        """Living ones by uid."""
        found = await self.api.get(self.path("pods", group=""), {"labelSelector": f"app={name}"})
        return {
            each["metadata"]["uid"]: each for each in found["items"] if not each["metadata"].get("deletionTimestamp")
        }

    async def ready(self, count: int, name: str = "web", *, seconds: float = 60.0) -> dict[str, Document]:
        """Exactly so many living pods, all ready."""

        async def there() -> dict[str, Document] | None:
            pods = await self.pods(name)
            return pods if len(pods) == count and all(is_true(pod, "Ready") for pod in pods.values()) else None

        found: dict[str, Document] = await self.until(there, seconds=seconds)
        return found

    async def replicas(self, name: str = "web") -> int:
        """Asked for."""
        found = await self.api.get(self.path("deployments", name))
        return int(found["spec"]["replicas"])

    async def unready(self, pod: Document) -> None:
        """kwok leaves the status of a running pod as it is."""
        assert self.has_kwok, "only a pod that kwok plays turns unready because a test says so"
        at = "2026-11-22T12:00:00Z"
        conditions = [{"type": "Ready", "status": "False", "lastTransitionTime": at}]
        path = self.path("pods", pod["metadata"]["name"], group="") + "/status"
        await self.api.patch(path, {"status": {"conditions": conditions}})

    async def events(self, name: str = "web") -> list[Document]:
        """On the Deployment, by us."""
        found = await self.api.get(self.path("events", group="events.k8s.io"))
        return [
            each
            for each in found["items"]
            if each["regarding"]["name"] == name and each.get("reportingController") == "moorage.dev/autoscaler"
        ]

    async def autoscaler(
        self, without: tuple[str, str] | None = None, plural: str = "deployments", group: str = "apps"
    ) -> Cluster:
        """With the Role of role.yaml for targets of kind `plural`, less the verb on the resource `without`."""
        role = yaml.safe_load(ROLE.read_text().replace("deployments", plural))
        for rule in role["rules"]:
            if rule["resources"][0].partition("/")[0] == plural:
                rule["apiGroups"] = [group]
        if without is not None:
            verb, resource = without
            for rule in role["rules"]:
                if resource in rule["resources"]:
                    rule["verbs"] = [each for each in rule["verbs"] if each != verb]
            role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
        name = f"autoscaler-{os.urandom(3).hex()}"
        role["metadata"]["name"] = name
        rbac = {"group": "rbac.authorization.k8s.io"}
        await self.create(self.path("serviceaccounts", group=""), {"metadata": {"name": name}})
        await self.create(self.path("roles", **rbac), role)
        await self.create(self.path("rolebindings", **rbac), _binding(name, self.namespace))
        self._granted.append(_right(role["rules"][0], name, self.namespace))
        await self.until(self.answers)
        cluster = Cluster(CollectorRegistry(), kubeconfig=await self._kubeconfig(name))
        self._clusters.append(cluster)
        return cluster

    async def until(self, what: Callable[[], Awaitable[Any]], *, seconds: float = 20.0, every: float = 0.1) -> Any:
        """Its first answer that is true."""
        last: object = None
        try:
            async with asyncio.timeout(seconds):
                while not (last := await what()):  # noqa: ASYNC110 - another machine's state has no event
                    await asyncio.sleep(every)
        except TimeoutError:
            raise AssertionError(f"{what.__qualname__} did not come true in {seconds:g} s: {last}") from None
        return last

    async def answers(self) -> bool:
        """The API server does, and knows what it granted: of Roles it hears a little later than we."""
        try:
            await self.api.get("/api/v1/namespaces/default")
            reviews = [await self.api.post(_REVIEWS, {"spec": right}) for right in self._granted]
        except (Refused, Unreachable):
            return False
        return all(review["status"]["allowed"] for review in reviews)

    async def _has_account(self) -> bool:
        """That pods run under: without it none can be made."""
        return await definitions.read(self.api, self.path("serviceaccounts", "default", group="")) is not None

    async def _kubeconfig(self, account: str) -> Path:
        path = self.path("serviceaccounts", account, group="") + "/token"
        token = (await self.api.post(path, {"spec": {"expirationSeconds": 3600}}))["status"]["token"]
        said = yaml.safe_load(self.place.kubeconfig.read_text())
        said["users"] = [{"name": "it", "user": {"token": token}}]
        for context in said["contexts"]:
            context["context"]["user"] = "it"
        there = self._folder / f"{account}.kubeconfig"
        there.write_text(yaml.safe_dump(said))
        return there


def _binding(name: str, namespace: str) -> Document:
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }


def _right(rule: Document, account: str, namespace: str) -> Document:
    """The first of a Role's rule, as a review asks for it."""
    resource, _, subresource = rule["resources"][0].partition("/")
    attributes = {"namespace": namespace, "verb": rule["verbs"][0], "group": rule["apiGroups"][0], "resource": resource}
    user = f"system:serviceaccount:{namespace}:{account}"
    return {"user": user, "resourceAttributes": attributes | {"subresource": subresource}}
