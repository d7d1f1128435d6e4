"""Pods deleted by force, one program after the other, under clients that come and go: all recovers, and the books are exact."""

from __future__ import annotations

import sys
from pathlib import Path
from time import sleep

import pytest

from tests.helm.real.fleet import Fleet, Plan
from tests.helm.real.node import Node
from tests.survival.checker import summary

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]
TALKS_ON_SECONDS = 3.0


def test_a_pod_of_each_program_is_deleted_by_force_and_no_end_record_is_wrong(node: Node, tmp_path: Path) -> None:
    with Fleet(node, tmp_path, Plan()) as fleet:
        for component in ("controlplane", "gateway", "autoscaler", "valkey", "worker"):
            fleet.delete(component)
            sleep(TALKS_ON_SECONDS)  # lives that go on after it
        fleet.leave()
        history, wrong = fleet.settled()

    figures = summary(history, wrong)
    sys.stdout.write(f"\n{figures}\n")
    assert wrong == []
    assert figures.by_fault == {"killed": 5}
    assert figures.cuts > 0
    assert figures.end_records > 0
