"""Three hundred pods on a real API server: exactly the named go, by every way of removing."""

from __future__ import annotations

import random

import pytest

from autoscaler.io.target import Written
from autoscaler.observation import Phase
from autoscaler.policy import RemovalMode
from tests.autoscaler.io.kubernetes.pools import a_pool, removals, seen
from tests.autoscaler.io.kubernetes.real import Real

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]


async def test_three_hundred_pods_come_and_exactly_the_named_go_by_every_mode(fleet: Real) -> None:
    many = 300 if fleet.has_kwok else 30
    await fleet.deployment(replicas=10)
    cluster = await fleet.autoscaler()
    async with a_pool(cluster, fleet) as pool:
        await seen(pool, fleet)
        assert await pool.raise_to(many, was=10) == Written(many)
    alive = set(await fleet.ready(many))

    for mode in RemovalMode:
        # kwok's pods are ready within 0.1 s: a replacement that is already serving could not be told from the others.
        if fleet.has_kwok:
            await fleet.cordon(unschedulable=mode is not RemovalMode.COST)
        async with a_pool(cluster, fleet, mode) as pool:
            found = await seen(pool, fleet)
            staying = {member.member for member in found.members if member.phase is not Phase.TERMINATING}
            assert (found.replicas, staying, found.problems) == (len(alive), alive, ())
            victims = removals(random.sample(sorted(alive), many // 30))

            written = await pool.remove(victims, was=len(alive))

        assert written == Written(len(alive) - many // 30, tuple(victims))
        alive -= {victim.member for victim in victims}
        assert set(await fleet.ready(len(alive))) == alive
