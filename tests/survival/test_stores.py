"""The same on Debian's Redis, on a cluster of three nodes, and through a fail-over of primary and replica."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.redis_server import debian_program
from tests.survival.house import Plan
from tests.survival.steps import Harm, Step
from tests.survival.stores import Cluster, Replicated, Single
from tests.survival.storm import survives

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = [
    Step(1.0, Harm.KILL, "store", 2.0),
    Step(6.0, Harm.KILL, "gateway-1", 1.0),
    Step(6.0, Harm.KILL, "worker-1", 1.0),
]


@pytest.mark.skipif(debian_program() is None, reason="apt-get install redis-server")
async def test_debians_redis(tmp_path: Path) -> None:
    verdict = await survives(tmp_path, Plan(store=partial(Single, program=debian_program())), KILLS)

    assert verdict.summary.cuts > 0


async def test_a_cluster_of_three_nodes(tmp_path: Path) -> None:
    verdict = await survives(tmp_path, Plan(store=Cluster), KILLS)

    assert verdict.summary.cuts > 0


@pytest.mark.parametrize("harm", [Harm.KILL, Harm.STOP])
async def test_a_primary_that_fails_over_to_its_replica(tmp_path: Path, harm: Harm) -> None:
    verdict = await survives(tmp_path, Plan(store=Replicated), [Step(2.0, harm, "store", 8.0)])

    assert verdict.summary.cuts == 0


async def test_a_primary_that_dies_while_it_is_cut_off_from_its_replica(tmp_path: Path) -> None:
    steps = [Step(2.0, Harm.CUT, "store:replica", 4.0), Step(2.0, Harm.KILL, "store", 8.0)]

    verdict = await survives(tmp_path, Plan(store=Replicated), steps)

    assert verdict.summary.cuts == 0
