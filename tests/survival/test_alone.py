"""Each fault of the list alone, with clients running."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.survival.clocks import can_be_stepped
from tests.survival.house import Plan
from tests.survival.steps import Harm, Step
from tests.survival.storm import survives

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PLAN = Plan(clients=24)
CUTTABLE = Plan(clients=24, is_cuttable=True)
FULL = Plan(
    clients=24, slots=11, is_cuttable=True
)  # no two workers have room for all: each has some, whoever came first
WITH_CLOCKS = Plan(clients=24, has_clocks=True)
PROGRAMS = ("gateway-1", "worker-1", "controlplane-1", "store")


async def test_kill_9_of_the_control_plane_while_workers_are_linked(tmp_path: Path) -> None:
    verdict = await survives(tmp_path, PLAN, [Step(1.0, Harm.KILL, "controlplane-1", 3.0)])

    assert verdict.summary.cuts == 0


async def test_the_loss_of_the_stores_data(tmp_path: Path) -> None:
    verdict = await survives(tmp_path, PLAN, [Step(3.0, Harm.FLUSH, "store", 1.0)])

    assert verdict.summary.cuts == 0


@pytest.mark.parametrize("seconds", [3.0, 10.0, 30.0])
@pytest.mark.parametrize("target", PROGRAMS)
async def test_a_process_that_stands_still(tmp_path: Path, target: str, seconds: float) -> None:
    verdict = await survives(tmp_path, PLAN, [Step(1.0, Harm.STOP, target, seconds)])

    assert verdict.summary.cuts == 0 or target in ("gateway-1", "worker-1")


async def test_a_cut_between_one_gateway_and_the_store(tmp_path: Path) -> None:
    verdict = await survives(tmp_path, CUTTABLE, [Step(1.0, Harm.CUT, "gateway-1:store", 20.0)])

    assert verdict.summary.cuts == 0


async def test_a_cut_between_one_worker_and_its_links(tmp_path: Path) -> None:
    verdict = await survives(tmp_path, FULL, [Step(1.0, Harm.CUT, "worker-1:link", 12.0)])

    assert verdict.summary.cuts > 0


@pytest.mark.skipif(not can_be_stepped(), reason="moving one process's clock needs a C compiler")
@pytest.mark.parametrize("by", [-3600, 3600])
async def test_a_clock_that_is_stepped_by_an_hour(tmp_path: Path, by: int) -> None:
    steps = [Step(2.0, Harm.STEP, target, 6.0, by) for target in ("gateway-1", "worker-1", "controlplane-1")]

    verdict = await survives(tmp_path, WITH_CLOCKS, steps)

    assert verdict.summary.cuts == 0


async def test_a_full_store(tmp_path: Path) -> None:
    verdict = await survives(tmp_path, PLAN, [Step(3.0, Harm.FILL, "store", 6.0)])

    assert verdict.summary.cuts == 0
