"""What forbids a change on a real API server: each a clear condition, and nothing wrong is written."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import pytest

from autoscaler.decision import Frozen
from autoscaler.io.kubernetes.troubles import Refused
from autoscaler.io.target import Failed, Lost, Written
from autoscaler.kinds import DEPLOYMENT
from autoscaler.observation import Freeze
from autoscaler.pods import PROTECTION
from autoscaler.policy import RemovalMode
from autoscaler.rights import Right, needed
from tests.autoscaler.io.kubernetes.pools import a_pool, calm, problem, removals, seen
from tests.autoscaler.io.kubernetes.real import Real

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]


async def test_a_second_writer_makes_writes_lose_and_breaks_nothing(fleet: Real) -> None:
    await fleet.deployment(replicas=20)
    cluster = await fleet.autoscaler()
    named: set[str] = set()
    answers = []
    async with a_pool(cluster, fleet) as pool:
        await fleet.ready(20)
        rival = asyncio.create_task(_fight(fleet, seconds=6.0))
        while not rival.done():
            found = await seen(pool, fleet)
            members = [each.member for each in found.members if each.is_ready]
            victims = removals(random.sample(members, 1))
            if random.random() < 0.5:
                answers.append(await pool.raise_to(found.replicas + 1, was=found.replicas))
            else:
                named.update(each.member for each in victims)
                answers.append(await pool.remove(victims, was=found.replicas))
        await rival
        settled = await fleet.until(lambda: _settled(fleet))

        found = await seen(pool, fleet)
        written = await pool.raise_to(found.replicas + 1, was=found.replicas)

    assert isinstance(written, Written)
    assert settled
    assert any(isinstance(each, Lost) for each in answers), answers


async def test_a_swap_from_a_number_that_it_no_longer_is_loses(fleet: Real) -> None:
    await fleet.deployment(replicas=0)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        assert (await seen(pool, fleet)).replicas == 0
        assert isinstance(await pool.raise_to(3, was=2), Lost)
        assert await pool.raise_to(3, was=0) == Written(3)
        assert isinstance(await pool.raise_to(4, was=0), Lost)
        alive = list(await fleet.ready(3))

        written = await pool.remove(removals(alive), was=3)

        assert isinstance(written, Written)
        assert (written.replicas, len(written.removed)) == (0, 3)
        assert await pool.raise_to(1, was=0) == Written(1)


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
        await _new_template(fleet)
        await fleet.cordon(unschedulable=True)  # it does not come to its end

        answer = await (removing or pool.remove(removals(sorted(alive)[:2]), was=12))

        assert isinstance(answer, Failed), answer
        assert await fleet.replicas() == 12
        assert (await problem(pool, fleet, Freeze.ROLLOUT)).blocks_down
        await fleet.cordon(unschedulable=False)
        await calm(pool, fleet)


async def test_a_busy_pod_that_is_not_ready_stops_scale_down(fleet: Real) -> None:
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


async def test_a_pod_that_is_still_starting_makes_the_named_go_exactly(fleet: Real) -> None:
    await fleet.deployment(replicas=4)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        alive = sorted(await fleet.ready(4))
        await fleet.cordon(unschedulable=True)
        await seen(pool, fleet)
        assert await pool.raise_to(5, was=4) == Written(5)
        await fleet.until(lambda: _has(fleet, 5))

        written = await pool.remove(removals(alive[:1]), was=5)

    assert written == Written(4, tuple(removals(alive[:1])))
    assert set(alive[1:]) <= set(await fleet.pods())


async def test_a_wrong_victim_is_counted_healed_and_shown(fleet: Real) -> None:
    await fleet.deployment(replicas=5)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        alive = await fleet.ready(5)
        victim, bystander = sorted(alive)[:2]
        await seen(pool, fleet)
        check = pool._survey.take

        async def then_a_bystander_turns_unready(*said: object, **more: object) -> object:
            answer = await check(*said, **more)  # type: ignore[arg-type]
            if more.get("rivals_now"):  # the last look before replicas are lowered
                await fleet.unready(alive[bystander])
                await asyncio.sleep(0.5)  # until the ReplicaSet controller has heard of it
            return answer

        pool._survey.take = then_a_bystander_turns_unready  # type: ignore[method-assign, assignment]
        written = await pool.remove(removals([victim]), was=5)

        assert written == Written(5, ())
        assert (await problem(pool, fleet, Freeze.WRONG_VICTIM)).blocks_down
        now = await fleet.ready(5)
    assert victim in now
    assert bystander not in now
    assert pool._metrics.wrong_victims._value.get() == 1


async def test_busy_pods_are_protected_from_other_autoscalers(fleet: Real) -> None:
    await fleet.deployment(replicas=3)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        busy, *idle = sorted(await fleet.ready(3))
        await seen(pool, fleet)

        await pool.protect([busy], idle)

        pods = await fleet.pods()
        protected = {uid for uid, pod in pods.items() if PROTECTION.items() <= _annotations(pod).items()}
        assert protected == {busy}


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


async def test_what_was_done_and_what_froze_is_told_on_the_deployment(fleet: Real) -> None:
    await fleet.deployment(replicas=2)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        alive = sorted(await fleet.ready(2))
        await seen(pool, fleet)
        await pool.raise_to(3, was=2)
        await fleet.ready(3)
        await pool.remove(removals(alive[:1]), was=3)
        for _ in range(3):
            pool.announce([Frozen(Freeze.SIGNAL, "no sample for 90 s")])

        events = await fleet.until(lambda: _events(fleet, 3))

    assert sorted(each["reason"] for each in events) == ["FrozenSignal", "Scaled", "Scaled"]
    assert {each["note"] for each in events if each["reason"] == "Scaled"} == {
        "Raised replicas from 2 to 3.",
        "Lowered replicas from 3 to 2: 1 of 1 named pods went.",
    }


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


async def test_a_stateful_set_loses_its_highest_number_and_starts_others_again(fleet: Real) -> None:
    await fleet.stateful_set(replicas=4)
    cluster = await fleet.autoscaler(plural="statefulsets")
    async with a_pool(cluster, fleet, kind="StatefulSet") as pool:
        by_name = {pod["metadata"]["name"]: uid for uid, pod in (await fleet.ready(4)).items()}
        await seen(pool, fleet)

        top = await pool.remove(removals([by_name["web-3"]]), was=4)
        other = await pool.remove(removals([by_name["web-1"]]), was=3)

        assert top == Written(3, tuple(removals([by_name["web-3"]])))
        assert isinstance(other, Failed)
        await fleet.until(lambda: _is_renewed(fleet, by_name["web-1"]))
        now = {pod["metadata"]["name"] for pod in (await fleet.ready(3)).values()}
    assert now == {"web-0", "web-1", "web-2"}


async def _is_renewed(fleet: Real, uid: str) -> bool:
    return uid not in await fleet.pods()


async def _fight(fleet: Real, seconds: float) -> None:
    async with asyncio.timeout(seconds + 5):
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            with contextlib.suppress(Refused):
                wanted = random.randint(18, 24)
                await fleet.api.patch(fleet.path("deployments", "web") + "/scale", {"spec": {"replicas": wanted}})
            await asyncio.sleep(random.uniform(0.05, 0.8))


async def _settled(fleet: Real) -> bool:
    return len(await fleet.pods()) == await fleet.replicas()


async def _has(fleet: Real, count: int) -> bool:
    return len(await fleet.pods()) == count


async def _events(fleet: Real, count: int) -> list[dict[str, str]]:
    events = await fleet.events()
    return events if len(events) >= count else []


async def _is_named(fleet: Real) -> bool:
    return any(
        "controller.kubernetes.io/pod-deletion-cost" in _annotations(pod) for pod in (await fleet.pods()).values()
    )


async def _new_template(fleet: Real) -> None:
    metadata = {"annotations": {"version": str(random.random())}}
    await fleet.api.patch(fleet.path("deployments", "web"), {"spec": {"template": {"metadata": metadata}}})


def _annotations(pod: dict[str, Any]) -> dict[str, str]:
    return dict(pod["metadata"].get("annotations") or {})
