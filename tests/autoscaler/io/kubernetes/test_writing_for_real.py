"""What is written on a real API server, beside others who write, and what becomes of a write that went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from autoscaler.decision import Frozen
from autoscaler.io.kubernetes.grounds import SETTLE_SECONDS, VERIFY_SECONDS
from autoscaler.io.kubernetes.troubles import Refused
from autoscaler.io.target import Failed, Lost, Written
from autoscaler.observation import Freeze
from autoscaler.pods import PROTECTION
from tests.autoscaler.io.kubernetes.pools import a_pool, annotations_of, problem, removals, seen
from tests.autoscaler.io.kubernetes.real import Real

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]


async def test_a_second_writer_makes_writes_lose_and_breaks_nothing(fleet: Real) -> None:
    await fleet.deployment(replicas=20)
    cluster = await fleet.autoscaler()
    answers: list[object] = []
    async with a_pool(cluster, fleet) as pool:
        await fleet.ready(20)
        rival = asyncio.create_task(_fight(fleet))
        async with asyncio.timeout(
            8 * (SETTLE_SECONDS + VERIFY_SECONDS)
        ):  # what a removal may take, and three are asked for
            while len(answers) < 6 or not any(isinstance(each, Lost) for each in answers):
                found = await seen(pool, fleet)
                if len(answers) % 2:
                    answers.append(await pool.raise_to(found.replicas + 1, was=found.replicas))
                else:
                    victim = random.choice([each.member for each in found.members if each.is_ready])
                    answers.append(await pool.remove(removals([victim]), was=found.replicas))
        rival.cancel()
        await asyncio.gather(rival, return_exceptions=True)

        await fleet.until(lambda: _settled(fleet))
        found = await seen(pool, fleet)
        assert isinstance(await pool.raise_to(found.replicas + 1, was=found.replicas), Written)


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


async def test_a_pod_that_is_still_starting_makes_the_named_go_exactly(fleet: Real) -> None:
    fleet.only_with_kwok()
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
    fleet.only_with_kwok()
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
                await fleet.until(lambda: _counts_ready(fleet, 4))  # the ReplicaSet's controller has heard of it
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
        protected = {uid for uid, pod in pods.items() if PROTECTION.items() <= annotations_of(pod).items()}
        assert protected == {busy}


async def test_who_lowers_replicas_by_hand_takes_idle_pods_before_those_with_sessions(fleet: Real) -> None:
    await fleet.deployment(replicas=10)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        pods = sorted(await fleet.ready(10))
        busy = random.sample(pods, 3)
        await seen(pool, fleet)
        await pool.protect(busy, [each for each in pods if each not in busy])

        await fleet.api.patch(fleet.path("deployments", "web") + "/scale", {"spec": {"replicas": 3}})

        assert set(await fleet.ready(3)) == set(busy)


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


async def _counts_ready(fleet: Real, count: int) -> bool:
    sets = (await fleet.api.get(fleet.path("replicasets")))["items"]
    return [each["status"].get("readyReplicas", 0) for each in sets] == [count]


async def _fight(fleet: Real) -> None:
    """Somebody who writes what comes to mind, without looking."""
    while True:
        with contextlib.suppress(Refused):
            wanted = random.randint(18, 24)
            await fleet.api.patch(fleet.path("deployments", "web") + "/scale", {"spec": {"replicas": wanted}})
        await asyncio.sleep(random.uniform(0.05, 0.4))


async def _settled(fleet: Real) -> bool:
    return len(await fleet.pods()) == await fleet.replicas()


async def _has(fleet: Real, count: int) -> bool:
    return len(await fleet.pods()) == count


async def _events(fleet: Real, count: int) -> list[dict[str, str]]:
    events = await fleet.events()
    return events if len(events) >= count else []
