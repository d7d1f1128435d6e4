"""An API server that hangs, dies and forgets."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from autoscaler.io.kubernetes.election import LeaseLeader
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.pool import KubernetesPool
from autoscaler.io.kubernetes.reflector import PodReflector
from autoscaler.io.target import Failed, Written
from autoscaler.leases import Terms
from tests.autoscaler.io.kubernetes import places
from tests.autoscaler.io.kubernetes.pools import a_pool, removals, seen
from tests.autoscaler.io.kubernetes.real import Real

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]
QUICK = Terms(duration=7.0, renew_deadline=4.0, retry=1.0, write_seconds=3.0)


@pytest.fixture
def ours(place: places.Place) -> Iterator[places.Place]:
    """Its API server may be stopped."""
    if place.state is None:
        pytest.skip("the cluster of KUBECONFIG is not ours to break")
    yield place
    os.kill(places.pid_of(place, "kube-apiserver"), signal.SIGCONT)


async def test_nobody_leads_and_nothing_is_known_while_the_api_server_hangs(ours: places.Place, fleet: Real) -> None:
    await fleet.deployment(replicas=3)
    cluster = await fleet.autoscaler()
    leader = cluster.leader(fleet.namespace, "office", QUICK)
    standing = asyncio.create_task(leader.run())
    async with a_pool(cluster, fleet, leads=lambda: leader.is_leading) as pool:
        alive = sorted(await fleet.ready(3))
        await fleet.until(lambda: _is(leader.is_leading))
        await seen(pool, fleet)
        stopping = asyncio.create_task(_seconds_until_it_stops(leader))
        os.kill(places.pid_of(ours, "kube-apiserver"), signal.SIGSTOP)

        assert await pool.look() is None
        stopped_after = await stopping
        answers = [await pool.remove(removals(alive[:1]), was=3), await pool.raise_to(4, was=3)]

        os.kill(places.pid_of(ours, "kube-apiserver"), signal.SIGCONT)
        assert stopped_after <= QUICK.renew_deadline + 1.0  # and before the Lease is free
        assert all(isinstance(each, Failed) for each in answers), answers
        await fleet.until(lambda: _is(leader.is_leading), seconds=30)
        assert (await seen(pool, fleet)).replicas == 3
        assert isinstance(await pool.raise_to(4, was=3), Written)
    standing.cancel()
    await asyncio.gather(standing, return_exceptions=True)
    assert set(alive) <= set(await fleet.ready(4))


async def test_a_restarted_api_server_costs_a_pause_and_nothing_else(ours: places.Place, fleet: Real) -> None:
    await fleet.deployment(replicas=3)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        alive = sorted(await fleet.ready(3))
        await seen(pool, fleet)

        places.start_again(ours, "kube-apiserver")
        assert not isinstance(await pool.remove(removals(alive[:1]), was=3), Written)
        await fleet.until(fleet.answers, seconds=40)

        assert (await seen(pool, fleet)).replicas == 3
        await fleet.until(lambda: _raised(pool), seconds=20)
        await fleet.ready(5)
        await fleet.until(lambda: _sees(pool, 5))
        assert set(alive) <= set(await fleet.pods())


async def test_a_watch_that_the_server_has_forgotten_begins_with_a_new_list(ours: places.Place, fleet: Real) -> None:
    await fleet.deployment(replicas=3)
    await fleet.ready(3)
    metrics = KubernetesMetrics(CollectorRegistry())
    reflector = PodReflector(fleet.api, metrics, path=fleet.path("pods", group=""), selector="app=web")
    running = asyncio.create_task(reflector.run())
    await fleet.until(lambda: _is(len(reflector.pods) == 3))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await fleet.api.patch(fleet.path("deployments", "web"), {"spec": {"replicas": 6}})
    await fleet.ready(6)
    places.start_again(ours, "kube-apiserver")
    await fleet.until(fleet.answers, seconds=40)

    running = asyncio.create_task(reflector.run())
    await fleet.until(lambda: _is(len(reflector.pods) == 6))

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert metrics.relists.labels("expired")._value.get() == 1
    assert set(reflector.pods) == set(await fleet.pods())


async def _seconds_until_it_stops(leader: LeaseLeader) -> float:
    begun = asyncio.get_running_loop().time()
    async with asyncio.timeout(20):
        while leader.is_leading:  # noqa: ASYNC110 - its own clock ends it
            await asyncio.sleep(0.02)
    return asyncio.get_running_loop().time() - begun


async def _is(what: bool) -> bool:
    return what


async def _raised(pool: KubernetesPool) -> bool:
    return isinstance(await pool.raise_to(5, was=3), Written)


async def _sees(pool: KubernetesPool, count: int) -> bool:
    found = await pool.look()
    return found is not None and sum(member.is_ready for member in found.members) == count
