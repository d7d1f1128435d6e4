"""What two looks together show: who was cut and why, how long a start took, and series that go with their pool."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from autoscaler.decision import Decision, Frozen, Removal
from autoscaler.io.metrics import AutoscalerMetrics
from autoscaler.io.telling import Telling, status_of
from autoscaler.observation import Freeze, Health, MemberSeen, Observation, Phase, Sample, TargetSeen, WorkerSeen
from autoscaler.policy import KubernetesTarget
from autoscaler.records import Carried
from scheduler.store import Store, Unavailable
from scheduler.values import WorkerState
from tests.autoscaler.io.yard import PLACE, POOL, REGION, a_policy
from tests.builders import NOW, a_worker_id

BUSY = WorkerSeen(a_worker_id(1), WorkerState.SERVING, 8, 3, NOW, "a")
DECISION = Decision(REGION, POOL, NOW, 1, 1)


class Away:
    """A store that cannot be reached."""

    def __getattr__(self, name: str) -> object:
        raise Unavailable("gone")


class Told:
    """One pool's telling, and its metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = AutoscalerMetrics(self.registry)
        self.telling = Telling(cast(Store, Away()), self.metrics, (REGION, POOL))

    def watch(self, *workers: WorkerSeen, members: tuple[str, ...] = ("a",), made_at: float = NOW) -> None:
        seen = tuple(MemberSeen(member, member, Phase.RUNNING, True, made_at) for member in members)
        self.telling.watch(Observation(REGION, POOL, workers, 0, TargetSeen(len(seen), seen)))

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"moorage_autoscaler_{name}", {**PLACE, **labels})


def test_a_worker_that_is_lost_while_its_member_stays_died_by_itself() -> None:
    told = Told()
    told.watch(BUSY)

    told.watch(replace(BUSY, state=WorkerState.LOST))
    told.watch(replace(BUSY, state=WorkerState.LOST))

    assert told.value("sessions_cut_total", cause="worker_lost") == 3


def test_a_worker_that_goes_with_its_member_was_taken() -> None:
    told = Told()
    told.watch(BUSY)

    told.watch(members=())

    assert told.value("sessions_cut_total", cause="member_gone") == 3


async def test_a_session_on_a_member_that_we_removed_is_our_fault() -> None:
    told = Told()
    told.watch(BUSY)
    removed = Carried(replicas=0, removed=(Removal(BUSY.worker, "a"),))
    await told.telling.tell(a_policy(), Observation(REGION, POOL, (), 0, TargetSeen(1)), DECISION, removed)

    told.watch(members=())

    assert told.value("sessions_cut_total", cause="scale_in") == 3


def test_an_empty_worker_that_goes_cuts_nobody() -> None:
    told = Told()
    told.watch(replace(BUSY, used=0))

    told.watch(members=())

    assert "sessions_cut_total{" not in generate_latest(told.registry).decode()


def test_a_start_is_measured_once_from_the_member_to_its_worker() -> None:
    told = Told()

    told.watch(BUSY, made_at=NOW - 7.0)
    told.watch(BUSY, made_at=NOW - 7.0)

    assert told.value("pod_start_seconds_count") == 1
    assert told.value("pod_start_seconds_sum") == pytest.approx(7.0)


async def test_a_change_of_direction_is_a_reversal() -> None:
    told = Told()

    for was, now in ((1, 2), (2, 3), (3, 2), (2, 3)):
        seen = Observation(REGION, POOL, (), 0, TargetSeen(was))
        await told.telling.tell(a_policy(), seen, DECISION, Carried(replicas=now))

    assert told.value("reversals_total") == 2


async def test_what_the_store_did_not_take_is_counted() -> None:
    told = Told()

    await told.telling.tell(a_policy(), Observation(REGION, POOL, None, 0, None), DECISION, Carried())

    assert told.value("unpublished_total") == 1


def test_a_status_says_what_people_and_gateways_need() -> None:
    policy = a_policy(target=KubernetesTarget("here", "gpu"), every=30.0, labels=frozenset({("gpu", "a100")}))

    status = status_of(policy, replace(DECISION, frozen=(Frozen(Freeze.RIVAL, "an HPA"),)))

    assert (status.target, status.labels, status.frozen) == ("kubernetes", policy.labels, ("rival: an HPA",))
    assert status.until == NOW + 120.0


def test_the_winner_is_shown_by_its_kind_and_never_by_its_name() -> None:
    told = Told()

    for winner in ("rule:calls at the provider", "request:scl_1", "registry", "something new", ""):
        told.metrics.decided((REGION, POOL), replace(DECISION, winner=winner), 0.001)

    shown = generate_latest(told.registry).decode()
    assert told.value("decisions_total", reason="rule") == 1
    assert told.value("decisions_total", reason="other") == 2
    assert "scl_1" not in shown
    assert "provider" not in shown


def test_signals_are_counted_by_health_and_the_oldest_has_its_age() -> None:
    told = Told()
    samples = {
        "a": Sample(Health.OK, 1.0, NOW - 5.0),
        "b": Sample(Health.STALE, 1.0, NOW - 90.0),
        "c": Sample(Health.LOST, None, 0.0),
    }

    told.metrics.seen((REGION, POOL), Observation(REGION, POOL, (), 4, None, samples), NOW)

    assert [told.value("signals", health=health.value) for health in Health] == [1, 1, 1]
    assert told.value("signal_age_seconds") == 90.0
    assert told.value("waiting_sessions") == 4


def test_a_pool_that_goes_takes_all_of_its_series_along() -> None:
    told = Told()
    told.metrics.known((REGION, POOL))
    told.metrics.frozen((REGION, POOL), {Freeze.TARGET})
    told.watch(BUSY)

    told.metrics.forget((REGION, POOL))

    assert f'pool="{POOL}"' not in generate_latest(told.registry).decode()
