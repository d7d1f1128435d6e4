"""What forbids a change on a real API server: each a clear condition, and nothing wrong is written."""

from __future__ import annotations

import asyncio
import random

import pytest

from autoscaler.io.kubernetes.reviewing import AGAIN
from autoscaler.io.target import Failed, Written
from autoscaler.kinds import DEPLOYMENT
from autoscaler.observation import Freeze
from autoscaler.policy import RemovalMode
from autoscaler.rights import Right, needed
from tests.autoscaler.io.kubernetes.pools import a_pool, annotations_of, calm, problem, removals, seen
from tests.autoscaler.io.kubernetes.real import Real

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]


async def test_an_hpa_that_appears_on_the_target_stops_all_writes(fleet: Real) -> None:
    await fleet.deployment(replicas=3)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        alive = await fleet.ready(3)
        assert (await seen(pool, fleet)).problems == ()
        aim = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        hpa = {"metadata": {"name": "rival"}, "spec": {"scaleTargetRef": aim, "minReplicas": 3, "maxReplicas": 9}}
        await fleet.create(fleet.path("horizontalpodautoscalers", group="autoscaling", version="v2"), hpa)

        answer = await pool.remove(removals(sorted(alive)[:1]), was=3)

        assert isinstance(answer, Failed)
        assert "HorizontalPodAutoscaler rival" in answer.detail
        found = await problem(pool, fleet, Freeze.RIVAL)
        assert found.blocks_up
        assert found.blocks_down
    assert set(await fleet.ready(3)) == set(alive)


async def test_a_scaled_object_is_a_rival_too(fleet: Real) -> None:
    await fleet.keda()
    await fleet.deployment(replicas=1)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        scaled = {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": "rival"},
            "spec": {"scaleTargetRef": {"name": "web"}},
        }
        await fleet.create(fleet.path("scaledobjects", group="keda.sh", version="v1alpha1"), scaled)

        found = await problem(pool, fleet, Freeze.RIVAL)

    assert "ScaledObject rival" in found.detail


@pytest.mark.parametrize("mode", list(RemovalMode))
async def test_a_rollout_in_the_middle_of_a_scale_down_ends_it(fleet: Real, mode: RemovalMode) -> None:
    fleet.only_with_kwok()
    await fleet.deployment(replicas=12)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet, mode) as pool:
        alive = await fleet.ready(12)
        await seen(pool, fleet)
        removing = (
            asyncio.create_task(pool.remove(removals(sorted(alive)[:2]), was=12)) if mode is RemovalMode.COST else None
        )
        if removing is not None:
            await fleet.until(lambda: _is_named(fleet))
        await fleet.cordon(unschedulable=True)  # before the rollout, which does not come to its end
        await _new_template(fleet)

        answer = await (removing or pool.remove(removals(sorted(alive)[:2]), was=12))

        assert isinstance(answer, Failed), answer
        assert await fleet.replicas() == 12
        assert (await problem(pool, fleet, Freeze.ROLLOUT)).blocks_down
        await fleet.cordon(unschedulable=False)
        await calm(pool, fleet)


async def test_a_busy_pod_that_is_not_ready_stops_scale_down(fleet: Real) -> None:
    fleet.only_with_kwok()
    await fleet.deployment(replicas=4)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        alive = await fleet.ready(4)
        busy, empty = sorted(alive)[:2]
        await seen(pool, fleet)
        await pool.protect([busy], [empty])
        await fleet.unready(alive[busy])

        found = await problem(pool, fleet, Freeze.NOT_READY)
        answer = await pool.remove(removals([empty]), was=4)

    assert alive[busy]["metadata"]["name"] in found.detail
    assert isinstance(answer, Failed)
    assert set(await fleet.pods()) == set(alive)


async def test_a_deployment_that_is_missing_or_paused_is_said_to_be(fleet: Real) -> None:
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        found = await problem(pool, fleet, Freeze.MISSING)
        assert "there is no Deployment web" in found.detail
        assert isinstance(await pool.raise_to(3, was=0), Failed)

        await fleet.deployment(replicas=2)
        await fleet.ready(2)
        await calm(pool, fleet)
        await fleet.api.patch(fleet.path("deployments", "web"), {"spec": {"paused": True}})

        found = await problem(pool, fleet, Freeze.MISSING)
        assert "is paused" in found.detail


@pytest.mark.parametrize("right", needed(DEPLOYMENT), ids=lambda right: f"{right.verb}-{right.path}")
async def test_a_missing_right_is_named_and_what_needs_it_is_left_alone(fleet: Real, right: Right) -> None:
    if right.group == "keda.sh":
        await fleet.keda()
    await fleet.deployment(replicas=3)
    cluster = await fleet.autoscaler(without=(right.verb, right.path))
    async with a_pool(cluster, fleet) as pool:
        alive = await fleet.ready(3)
        found = await problem(pool, fleet, right.freeze, f"may not {right.verb} {right.path}")
        assert (found.freeze, found.blocks_up, found.blocks_down) == (right.freeze, right.blocks_up, right.blocks_down)

        shrunk = await pool.remove(removals(sorted(alive)[:1]), was=3)
        if right.blocks_down:
            assert isinstance(shrunk, Failed), shrunk
            assert set(await fleet.pods()) == set(alive)
            assert await fleet.replicas() == 3
        grown = await pool.raise_to(4, was=await fleet.replicas())
        may_grow = not right.blocks_up or right.verb != "patch"
        assert isinstance(grown, Written) is may_grow


async def test_without_keda_its_right_is_not_needed_and_keda_that_comes_is_noticed(fleet: Real) -> None:
    if await fleet.has_keda():
        pytest.skip("KEDA is installed in this cluster")
    await fleet.deployment(replicas=3)
    cluster = await fleet.autoscaler(without=("list", "scaledobjects"))
    async with a_pool(cluster, fleet) as pool:
        alive = await fleet.ready(3)
        assert (await seen(pool, fleet)).problems == ()
        assert await pool.raise_to(4, was=3) == Written(4)
        await fleet.ready(4)
        victim, *others = removals(sorted(alive))
        assert await pool.remove([victim], was=4) == Written(3, (victim,))

        await fleet.keda()

        found = await problem(pool, fleet, Freeze.RIVAL, "may not list scaledobjects", seconds=AGAIN + 10.0)
        assert (found.blocks_up, found.blocks_down) == (False, True)
        assert await pool.raise_to(4, was=3) == Written(4)
        assert isinstance(await pool.remove(others[:1], was=4), Failed)


async def _is_named(fleet: Real) -> bool:
    return any(
        "controller.kubernetes.io/pod-deletion-cost" in annotations_of(pod) for pod in (await fleet.pods()).values()
    )


async def _new_template(fleet: Real) -> None:
    metadata = {"annotations": {"version": str(random.random())}}
    await fleet.api.patch(fleet.path("deployments", "web"), {"spec": {"template": {"metadata": metadata}}})
