"""A settled Deployment at a small API server, and a pool that looks after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from autoscaler.decision import Removal
from autoscaler.io.kubernetes.pool import KubernetesPool
from autoscaler.policy import KubernetesTarget, RemovalMode
from moorage.ids import WorkerId
from tests.autoscaler.io.kubernetes.stub import Stub, Watch
from tests.autoscaler.kubernetes_builders import a_deployment, a_pod_document, a_replica_set

ROOT = "/apis/apps/v1/namespaces/prod"
WEB = f"{ROOT}/deployments/web"
PODS = "/api/v1/namespaces/prod/pods"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
HPAS = "/apis/autoscaling/v2/namespaces/prod/horizontalpodautoscalers"
EVENTS = "/apis/events.k8s.io/v1/namespaces/prod/events"
KEDA = "/apis/keda.sh/v1alpha1"
SCALED_OBJECTS = f"{KEDA}/namespaces/prod/scaledobjects"


class Fleet:
    """A settled Deployment of three ready pods, and everything allowed."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.replicas = 3
        self.pods = Watch(stub, PODS)
        self.pods.pods = [a_pod_document(f"web-1-{letter}") for letter in "abc"]
        stub.says("POST", REVIEW, {"status": {"allowed": True}}, 201)
        stub.says("GET", WEB, a_deployment())
        stub.says("GET", f"{ROOT}/replicasets", {"items": [a_replica_set()]})
        stub.says("GET", HPAS, {"items": []})
        stub.says("POST", EVENTS, {}, 201)
        stub.on("GET", f"{WEB}/scale", self._scale)
        stub.on("PATCH", f"{WEB}/scale", self._swap)

    def forbids_scaled_objects(self) -> None:
        """By review and by deed: as RBAC does, also where there is no such kind."""

        async def review(request: web.Request) -> web.Response:
            asked = (await request.json())["spec"]["resourceAttributes"]["resource"]
            return web.json_response({"status": {"allowed": asked != "scaledobjects"}}, status=201)

        self.stub.on("POST", REVIEW, review)
        self.stub.refuses("GET", SCALED_OBJECTS, 403, "scaledobjects.keda.sh is forbidden")

    def installs_keda(self) -> None:
        """Its kind is discovered from now on."""
        self.stub.says("GET", KEDA, {"resources": [{"name": "triggerauthentications"}, {"name": "scaledobjects"}]})

    def written(self) -> list[tuple[str, str]]:
        """Verb and path of all that changes something."""
        quiet = (REVIEW, EVENTS)
        return [(verb, path) for verb, path, _, _ in self.stub.seen if verb != "GET" and path not in quiet]

    def annotated(self) -> list[Any]:
        """Annotations of pods, as they were written."""
        patches = (body for verb, path, _, body in self.stub.seen if verb == "PATCH" and path.startswith(PODS))
        return [body["metadata"]["annotations"] for body in patches]

    async def _scale(self, request: web.Request) -> web.Response:
        return web.json_response({"spec": {"replicas": self.replicas}, "status": {"selector": "app=web"}})

    async def _swap(self, request: web.Request) -> web.Response:
        test, replace = await request.json()
        if test["value"] != self.replicas:
            return web.json_response({"code": 422, "message": "testing value failed"}, status=422)
        self.replicas = replace["value"]
        return await self._scale(request)


@asynccontextmanager
async def a_pool(
    stub: Stub, *, leads: Callable[[], bool] = lambda: True, removal: RemovalMode = RemovalMode.COST, **pace: float
) -> AsyncIterator[KubernetesPool]:
    target = KubernetesTarget("prod", "web", removal=removal)
    pool = KubernetesPool(
        stub.api, target, stub.metrics, leads, **{"settle_seconds": 0.0, "verify_seconds": 0.2} | pace
    )
    running = asyncio.create_task(pool.run())
    try:
        yield pool
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def removal_of(name: str) -> Removal:
    return Removal(WorkerId(f"wrk_{name}"), f"uid-{name}")
