"""kill -9 of a gateway, of a worker and of the store: the crowd goes on, and nothing is lost, doubled or over-granted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.survival.house import Plan
from tests.survival.steps import Harm, Step
from tests.survival.storm import survives

pytestmark = pytest.mark.timeout(180)

SMALL = Plan(workers=2, clients=12, slots=8)  # both workers have some of them, whichever was filled first


async def test_kill_9_of_a_gateway(tmp_path: Path) -> None:
    verdict = await survives(tmp_path, SMALL, [Step(1.0, Harm.KILL, "gateway-1", 1.0)])

    assert verdict.summary.cuts > 0


async def test_kill_9_of_a_worker(tmp_path: Path) -> None:
    verdict = await survives(tmp_path, SMALL, [Step(1.0, Harm.KILL, "worker-1", 1.0)])

    assert verdict.summary.cuts > 0


async def test_kill_9_of_the_store_with_its_data(tmp_path: Path) -> None:
    verdict = await survives(tmp_path, SMALL, [Step(1.0, Harm.KILL, "store", 2.0)])

    assert verdict.summary.cuts == 0
