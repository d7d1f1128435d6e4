"""A target that is neither Deployment nor StatefulSet: whatever has a /scale, with rights on it and on nothing else."""

from __future__ import annotations

import pytest

from autoscaler.io.kubernetes.pool import KubernetesPool
from autoscaler.io.target import Lost, Written
from autoscaler.policy import RemovalMode
from tests.autoscaler.io.kubernetes.flotilla import GROUP, PLURAL, RESOURCE, VERSION, a_flotilla
from tests.autoscaler.io.kubernetes.pools import a_pool, removals, seen
from tests.autoscaler.io.kubernetes.real import Real

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]


@pytest.mark.parametrize("removal", [RemovalMode.COST, RemovalMode.EXACT])
async def test_whatever_has_a_scale_grows_and_loses_just_the_named(fleet: Real, removal: RemovalMode) -> None:
    cluster = await fleet.autoscaler(plural=PLURAL, group=GROUP)
    async with a_flotilla(fleet, replicas=3), a_pool(cluster, fleet, removal, kind=RESOURCE) as pool:
        before = set(await fleet.ready(3))
        assert {each.member for each in (await seen(pool, fleet)).members} == before
        assert isinstance(await pool.raise_to(5, was=2), Lost)
        assert await pool.raise_to(4, was=3) == Written(4)
        victim, *others = sorted(await fleet.ready(4))
        await fleet.until(lambda: _knows(pool, 4))

        written = await pool.remove(removals([victim]), was=4)

        assert isinstance(written, Written)
        assert [each.member for each in written.removed] == [victim]
        assert set(await fleet.ready(3)) == set(others)
        assert await _asked_for(fleet) == 3


async def _knows(pool: KubernetesPool, count: int) -> bool:
    found = await pool.look()
    return found is not None and len(found.members) == count


async def _asked_for(fleet: Real) -> int:
    scaled = await fleet.api.get(fleet.path(PLURAL, "web", group=GROUP, version=VERSION) + "/scale")
    return int(scaled["spec"]["replicas"])
