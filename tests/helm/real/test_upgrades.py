"""`helm upgrade` under 200 live sessions with messages flowing: first the programs, then the workers, then all of it back. And
evictions, one worker after the other, as `kubectl drain` of a node asks for them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.helm.real import judging
from tests.helm.real.fleet import Fleet, Plan, short, until
from tests.helm.real.node import Node
from tests.helm.real.release import NAME
from tests.survival.scribe import now
from tests.survival.verdicts import Rule

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(900)]
CLIENTS = 200
ROLLED_SECONDS = 240.0
TALKS_ON_SECONDS = 5.0
MOVED_SECONDS = 30.0  # a client that was told 1012 comes back within seconds, and says something
ANSWERED_SECONDS = 5.0
STAY = (1e6, 2e6)
PLAN = Plan(clients=CLIENTS, slots=70, workers=4, lives=STAY, says_every=1.0)
NOBODY_HARMED = frozenset({Rule.CUT, Rule.TYPED})  # judged by what clients were told, not by who was killed


def test_upgrades_and_a_roll_back_move_the_sessions_of_replaced_workers_only_and_tell_everybody_they_cut(
    node: Node, tmp_path: Path
) -> None:
    with Fleet(node, tmp_path, PLAN) as fleet:
        _talk_undisturbed(fleet)

        with _changed(fleet, "gateways, control plane, autoscaler and store to build two"):
            fleet.release.upgrade("two", **fleet.plan.chart(), poolDefaults={"image": {"tag": "one"}})
        assert judging.moves(fleet.facts()) == []

        with _changed(fleet, "workers to build two", moves=True):
            fleet.release.upgrade("two", **fleet.plan.chart())

        with _changed(fleet, "everything back to build one", moves=True):
            fleet.release.helm("rollback", NAME, "1")

        fleet.leave()
        history, wrong = fleet.settled(without=NOBODY_HARMED)
        assert wrong == []
        assert len(history.final.ends) == CLIENTS


def test_evicted_workers_hand_their_sessions_over_and_tell_everybody_they_cut(node: Node, tmp_path: Path) -> None:
    with Fleet(node, tmp_path, replace(PLAN, clients=60, slots=30, workers=3)) as fleet:
        _talk_undisturbed(fleet)

        with _changed(fleet, "every worker evicted", moves=True):
            for pod in fleet.release.pods("worker"):
                until(lambda: _evicted(fleet, pod["metadata"]["name"]), ROLLED_SECONDS)  # noqa: B023 - at once

        fleet.leave()
        history, wrong = fleet.settled(without=NOBODY_HARMED)
        assert wrong == []
        assert len(history.final.ends) == 60


def _evicted(fleet: Fleet, pod: str) -> bool:
    """False while the pool's budget lets nobody go."""
    path = f"/api/v1/namespaces/{fleet.release.namespace}/pods/{pod}/eviction"
    asked = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    try:
        fleet.release.kubectl("create", "--raw", path, "-f", "-", told=json.dumps(asked))
    except RuntimeError as error:
        if "disruption budget" not in str(error):
            raise
        return False
    return True


@contextmanager
def _changed(fleet: Fleet, what: str, *, moves: bool = False) -> Iterator[None]:
    """Waits until the change is through. With `moves` everybody has another worker then; only old workers lost anybody."""
    began, since = monotonic(), now()
    workers = {short(pod["metadata"]["name"]) for pod in fleet.release.pods("worker")}
    yield
    fleet.release.until_ready(ROLLED_SECONDS)
    fleet.until_gone(ROLLED_SECONDS)
    rolled = monotonic() - began
    if moves:
        until(lambda: workers.isdisjoint(judging.homes(fleet.facts()).values()), MOVED_SECONDS)
    sleep(TALKS_ON_SECONDS)
    facts = [fact for fact in fleet.facts() if fact.at >= since]
    sys.stdout.write(f"\n{what} in {rolled:.0f} s under {fleet.plan.clients} sessions: {judging.figures(facts)}\n")
    assert {before for _, before, _ in judging.moves(facts)} <= workers
    assert judging.untold(facts) == []
    assert judging.lost(fleet.facts(), now() - ANSWERED_SECONDS) == []


def _talk_undisturbed(fleet: Fleet) -> None:
    sleep(TALKS_ON_SECONDS)
    assert judging.untold(fleet.facts()) == []
    sys.stdout.write(f"\nbefore: {judging.figures(fleet.facts())}\n")
