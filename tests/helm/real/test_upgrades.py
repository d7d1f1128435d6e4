"""`helm upgrade` under 200 live sessions with messages flowing: first the programs, then the workers."""

from __future__ import annotations

import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.helm.real import judging
from tests.helm.real.fleet import Fleet, Plan, short, until
from tests.helm.real.node import Node
from tests.survival.scribe import now
from tests.survival.verdicts import Rule

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(900)]
CLIENTS = 200
ROLLED_SECONDS = 240.0
TALKS_ON_SECONDS = 5.0
MOVED_SECONDS = 30.0  # a client that was told 1012 comes back within seconds, and says something
ANSWERED_SECONDS = 3.0
STAY = (1e6, 2e6)
PLAN = Plan(clients=CLIENTS, slots=70, workers=4, lives=STAY, says_every=1.0)
NOBODY_HARMED = frozenset({Rule.CUT, Rule.TYPED})  # judged by what clients were told, not by who was killed


def test_upgrades_move_the_sessions_of_replaced_workers_only_and_tell_everybody_they_cut(
    node: Node, tmp_path: Path
) -> None:
    with Fleet(node, tmp_path, PLAN) as fleet:
        _until_talks(fleet)
        pools = {"poolDefaults": {"image": {"tag": "one"}}}
        workers = {short(pod["metadata"]["name"]) for pod in fleet.release.pods("worker")}

        _upgrade(fleet, "gateways, control plane, autoscaler and store", **pools)
        assert judging.moves(fleet.facts()) == []
        assert judging.untold(fleet.facts()) == []

        _upgrade(fleet, "workers")
        until(lambda: len(judging.moves(fleet.facts())) >= CLIENTS, MOVED_SECONDS)
        moved = judging.moves(fleet.facts())
        assert len({session for session, _, _ in moved}) == len(moved) == CLIENTS
        assert {before for _, before, _ in moved} <= workers
        assert {after for _, _, after in moved}.isdisjoint(workers)
        assert judging.untold(fleet.facts()) == []
        assert judging.lost(fleet.facts(), now() - ANSWERED_SECONDS) == []

        fleet.leave()
        history, wrong = fleet.settled(without=NOBODY_HARMED)
        assert wrong == []
        assert len(history.final.ends) == CLIENTS


def _upgrade(fleet: Fleet, what: str, **values: object) -> None:
    began, facts = monotonic(), len(fleet.facts())
    fleet.release.upgrade("two", **fleet.plan.chart(), **values)
    fleet.release.until_ready(ROLLED_SECONDS)
    fleet.until_gone(ROLLED_SECONDS)
    rolled = monotonic() - began
    sleep(TALKS_ON_SECONDS)
    figures = judging.figures(fleet.facts()[facts:])
    sys.stdout.write(f"\n{what} in {rolled:.0f} s under {CLIENTS} sessions: {figures}\n")


def _until_talks(fleet: Fleet) -> None:
    sleep(TALKS_ON_SECONDS)
    assert judging.untold(fleet.facts()) == []
    sys.stdout.write(f"\nbefore: {judging.figures(fleet.facts())}\n")
