"""A custom resource with a /scale, and the little controller that keeps as many pods as one of its objects asks for.

It takes pods away as a ReplicaSet does: those not ready first, then the cheaper by pod-deletion-cost.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autoscaler.io.kubernetes.api import Document
from autoscaler.io.kubernetes.troubles import Refused
from autoscaler.pods import COST
from tests.autoscaler.io.kubernetes.definitions import Definition
from tests.autoscaler.io.kubernetes.pools import annotations_of
from tests.autoscaler.io.kubernetes.real import IMAGE, Real

GROUP, VERSION, PLURAL = "harbour.test", "v1", "flotillas"
RESOURCE = f"{PLURAL}.{GROUP}/{VERSION}"
NAME = "web"
_SCALE = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}
FLOTILLA = Definition("Flotilla", PLURAL, GROUP, VERSION, {"status": {}, "scale": _SCALE})
_LABELS = {"app": NAME}
_LOOK_EVERY = 0.1


@asynccontextmanager
async def a_flotilla(fleet: Real, replicas: int) -> AsyncIterator[None]:
    """One object called `web`, and its controller, until the end."""
    await fleet.define(FLOTILLA)
    made = await fleet.until(lambda: _made(fleet, replicas))
    controlling = asyncio.create_task(_control(fleet, made["metadata"]["uid"]))
    try:
        yield
    finally:
        controlling.cancel()
        await asyncio.gather(controlling, return_exceptions=True)
        await fleet.undefine(FLOTILLA)


async def _made(fleet: Real, replicas: int) -> Document | None:
    """None while the API server does not serve the kind yet."""
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Flotilla",
        "metadata": {"name": NAME},
        "spec": {"replicas": replicas},
    }
    try:
        return await fleet.api.post(fleet.path(PLURAL, group=GROUP, version=VERSION), body)
    except Refused as error:
        if error.is_absent:
            return None
        raise


async def _control(fleet: Real, uid: str) -> None:
    path = fleet.path(PLURAL, NAME, group=GROUP, version=VERSION)
    numbers = itertools.count()
    while True:
        wanted = (await fleet.api.get(path))["spec"]["replicas"]
        pods = sorted((await fleet.pods(NAME)).values(), key=_worth)
        for pod in pods[: max(0, len(pods) - wanted)]:
            await fleet.api.delete(fleet.path("pods", pod["metadata"]["name"], group=""), {})
        for _ in range(wanted - len(pods)):
            await fleet.create(fleet.path("pods", group=""), _pod(f"{NAME}-{next(numbers)}", uid))
        status = {"replicas": wanted, "selector": f"app={NAME}"}
        await fleet.api.patch(f"{path}/status", {"status": status})
        await asyncio.sleep(_LOOK_EVERY)


def _worth(pod: Document) -> tuple[bool, int]:
    is_running = (pod.get("status") or {}).get("phase") == "Running"
    return is_running, int(annotations_of(pod).get(COST, 0))


def _pod(name: str, owner: str) -> Document:
    reference = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Flotilla", "name": NAME, "uid": owner, "controller": True}
    return {
        "metadata": {"name": name, "labels": _LABELS, "ownerReferences": [reference]},
        "spec": {"containers": [{"name": "main", "image": IMAGE}], "terminationGracePeriodSeconds": 1},
    }
