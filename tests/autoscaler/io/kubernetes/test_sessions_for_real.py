"""Workers in real pods with live sessions: told to be fewer than are busy, no session is cut and the empty ones go."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection

from autoscaler.io.kubernetes.cluster import Cluster
from autoscaler.io.leading import StoreLeader
from autoscaler.io.loop import Autoscaler, Makers
from autoscaler.io.metrics import AutoscalerMetrics
from autoscaler.io.signals import NoSignals
from autoscaler.policy import KubernetesTarget, PoolPolicy, RemovalMode
from gateway.policy import GatewayPolicy
from scheduler.store import Store
from scheduler.values import ScaleAction, ScaleRequest, WorkerState
from tests.autoscaler.io.kubernetes import image, places
from tests.autoscaler.io.kubernetes.real import Real
from tests.moorage.io.harbour import JOIN_KEY, Harbour, a_harbour, eventually, session_id

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]
BRIDGE = "10.244.0.1"  # where pods reach this machine
START_SECONDS = 120.0


@pytest.fixture(scope="module")
def node(place_with_a_node: places.Place, tmp_path_factory: pytest.TempPathFactory) -> places.Place:
    """A cluster with a real node that knows our image."""
    if sys.version_info[:2] != image.PYTHON:
        pytest.skip(f"the image's Python is {image.PYTHON}: compiled packages of this one would not load there")
    if place_with_a_node.state is None:
        pytest.skip("an image of this working copy can be given to a cluster of CLUSTER_TOOL only")
    image.load(place_with_a_node, tmp_path_factory.mktemp("image"))
    return place_with_a_node


@asynccontextmanager
async def a_fleet_of_pods(fleet: Real, count: int) -> AsyncIterator[Harbour]:
    """A store and a gateway's link here, workers in pods there."""
    async with a_harbour() as harbour:
        server = await harbour.gateway(GatewayPolicy(link_host="0.0.0.0", link_port=0))
        container = {
            "name": "worker",
            "image": image.NAME,
            "imagePullPolicy": "Never",
            "env": [
                {"name": "MOORAGE_LINK", "value": f"ws://{BRIDGE}:{server.port}"},
                {"name": "MOORAGE_JOIN_KEY", "value": JOIN_KEY},
                *(
                    {"name": f"MOORAGE_POD_{name}", "valueFrom": {"fieldRef": {"fieldPath": f"metadata.{path}"}}}
                    for name, path in (("NAMESPACE", "namespace"), ("NAME", "name"), ("UID", "uid"))
                ),
            ],
        }
        await fleet.deployment(replicas=count, containers=[container], terminationGracePeriodSeconds=10)
        await eventually(lambda: _serve(harbour, count), START_SECONDS)
        yield harbour


@asynccontextmanager
async def an_autoscaler(harbour: Harbour, cluster: Cluster, policy: PoolPolicy) -> AsyncIterator[None]:
    """The whole loop, in a hurry."""
    store = cast(Store, harbour.store)
    makers = Makers(
        leader=lambda policy: StoreLeader(store, f"autoscaler/{policy.region}/{policy.pool}"),
        target=lambda policy, leader: cluster.pool(cast(KubernetesTarget, policy.target), lambda: leader.is_leading),
    )
    scaler = Autoscaler(store, makers, NoSignals(), AutoscalerMetrics(CollectorRegistry()))
    await scaler.start([policy])
    try:
        yield
    finally:
        await scaler.close()


@pytest.mark.parametrize("mode", list(RemovalMode))
async def test_told_to_be_fewer_than_are_busy_the_busy_stay_and_the_empty_go(
    node: places.Place, tmp_path: Path, mode: RemovalMode
) -> None:
    async with Real(node, tmp_path) as fleet, a_fleet_of_pods(fleet, 5) as harbour:
        sockets = [await harbour.attach(session_id(letter)) for letter in "abcdefgh"]
        busy = await _pods_of(harbour, is_busy=True)
        assert 2 <= len(busy) < 5
        talks = [asyncio.create_task(_talk(socket)) for socket in sockets]
        await harbour.store.put_scale_request(_to_one(harbour))
        target = KubernetesTarget(fleet.namespace, "web", removal=mode)

        async with an_autoscaler(harbour, await fleet.autoscaler(), _policy(target)):
            await eventually(lambda: _is_at(fleet, len(busy)), 90.0)
            assert set(await fleet.pods()) == busy
            assert not [talk for talk in talks if talk.done()]

            for talk in talks:
                talk.cancel()
            await asyncio.gather(*talks, return_exceptions=True)
            for socket in sockets:
                await socket.close()
            await eventually(lambda: _is_at(fleet, 1), 90.0)
            assert set(await fleet.pods()) < busy


def _policy(target: KubernetesTarget) -> PoolPolicy:
    return PoolPolicy(
        region="local",
        pool="default",
        target=target,
        slots=4,
        minimum=1,
        maximum=10,
        every=1.0,
        buffer_slots=0,
        buffer_sigmas=0.0,
        down_window=2.0,
        down_every=1.0,
        settle_seconds=1.0,
    )


def _to_one(harbour: Harbour) -> ScaleRequest:
    now = harbour.store.now()
    return ScaleRequest("req_1", ScaleAction.SET, "local", "default", 1, None, "a test", "key", now, now + 3600)


async def _talk(socket: ClientConnection) -> None:
    """Says something all the time, and hears it again."""
    while True:
        await socket.send("still here")
        async with asyncio.timeout(10):
            assert await socket.recv() == "still here"
        await asyncio.sleep(0.1)


async def _serve(harbour: Harbour, count: int) -> bool:
    return sum(view.state is WorkerState.SERVING for view in await harbour.store.workers()) == count


async def _pods_of(harbour: Harbour, *, is_busy: bool) -> set[str]:
    found = set()
    for view in await harbour.store.workers():
        assert view.kubernetes is not None, "the worker does not know its pod"
        if bool(view.used) is is_busy:
            found.add(view.kubernetes.uid)
    return found


async def _is_at(fleet: Real, count: int) -> bool:
    return await fleet.replicas() == count == len(await fleet.pods())
