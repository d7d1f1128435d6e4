import pytest

from autoscaler.observation import Health, Observation
from autoscaler.replay.engine import Pool
from autoscaler.replay.faults import RULE, Answer, Fault, View
from autoscaler.replay.ours import observed
from tests.autoscaler.replay.builders import a_pool
from tests.autoscaler.replay.test_ours import a_policy

SPAN = ((100.0, 2000.0),)


def at(pool: Pool, now: float) -> Pool:
    pool.now = now
    return pool


def test_no_fault_has_no_rule() -> None:
    assert View().samples(a_pool()) == {}


@pytest.mark.parametrize(
    ("fault", "answer", "value"),
    [
        (Fault.EMPTY, Answer.EMPTY, 0.0),
        (Fault.ERROR, Answer.ERROR, 0.0),
        (Fault.NAN, Answer.NAN, 0.0),
        (Fault.HALF, Answer.OK, 5.0),
        (Fault.API, Answer.OK, 10.0),
    ],
)
def test_a_metric_answers_as_its_fault_says_and_only_while_it_holds(fault: Fault, answer: Answer, value: float) -> None:
    pool = a_pool()
    pool._tally.live = 10
    view = View(fault, SPAN)

    assert view.metric(at(pool, 99.0)) == (Answer.OK, 10.0)
    assert (answer, value) == view.metric(at(pool, 100.0))
    assert view.metric(at(pool, 2000.0)) == (Answer.OK, 10.0)


def test_a_frozen_value_stays_and_looks_fresh() -> None:
    pool, view = a_pool(), View(Fault.FROZEN, SPAN)
    pool._tally.live = 10
    view.metric(at(pool, 100.0))
    pool._tally.live = 90

    assert view.metric(at(pool, 1999.0)) == (Answer.OK, 10.0)
    assert Health.OK is view.samples(at(pool, 1999.0))[RULE].health
    assert view.metric(at(pool, 2000.0)) == (Answer.OK, 90.0)


@pytest.mark.parametrize("fault", [Fault.EMPTY, Fault.ERROR, Fault.NAN])
def test_without_a_number_the_last_value_is_stale_at_once_and_lost_by_its_age(fault: Fault) -> None:
    pool, view = a_pool(), View(fault, SPAN)
    pool._tally.live = 10
    view.samples(at(pool, 99.0))

    seen = [view.samples(at(pool, now))[RULE] for now in (100.0, 399.0, 400.0, 2000.0)]

    assert [each.health for each in seen] == [Health.STALE, Health.STALE, Health.LOST, Health.OK]
    assert [each.value for each in seen] == [10.0, 10.0, None, 10.0]


def test_a_number_of_half_the_pods_is_stale() -> None:
    pool, view = a_pool(), View(Fault.HALF, SPAN)
    pool._tally.live = 10

    seen = view.samples(at(pool, 100.0))[RULE]

    assert (seen.health, seen.value) == (Health.STALE, 5.0)


def test_half_of_the_workers_are_missing_from_the_registry_and_none_of_the_members() -> None:
    seen = View(Fault.HALF, SPAN).look(truth(), 100.0)

    assert seen.workers is not None
    assert seen.target is not None
    assert (len(seen.workers), len(seen.target.members)) == (2, 4)


def test_without_the_api_there_is_no_target_and_without_a_leader_nobody_decides() -> None:
    api, leader = View(Fault.API, SPAN), View(Fault.LEADER, SPAN)

    assert api.look(truth(), 100.0).target is None
    assert (api.has_target(100.0), api.has_leader(100.0)) == (False, True)
    assert (leader.has_target(100.0), leader.has_leader(100.0)) == (True, False)


def truth() -> Observation:
    pool = a_pool()
    pool.create(3)
    for pod in pool.pods.values():
        pool._get_ready(pod)
    pool._get_ready(pool._create())
    return observed(a_policy(), pool, {})
