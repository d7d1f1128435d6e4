"""Numbers of https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ unless said otherwise."""

import pytest

from autoscaler.replay.faults import Fault, View
from autoscaler.replay.peers.hpa import LONG_GRACE, Behaviour, Hpa, Metrics, from_average, from_pods
from tests.autoscaler.replay.builders import a_setting, played


@pytest.mark.parametrize(
    ("each", "replicas"),
    [
        (200.0, 6),  # "if the current metric value is 200m and the desired value is 100m, the number doubles"
        (50.0, 2),  # "if the current value is 50m, you'll halve it": ceil(1.5)
        (109.0, 3),  # within 10 %
        (91.0, 3),
        (111.0, 4),
    ],
)
def test_replicas_follow_the_ratio_outside_the_tolerance(each: float, replicas: int) -> None:
    assert replicas == from_pods(Metrics(3 * each, 3), 3, 100.0)


def test_pods_that_start_count_as_nothing_where_it_would_grow() -> None:
    assert from_pods(Metrics(400.0, 2, starting=2), 4, 100.0) == 4
    assert from_pods(Metrics(500.0, 2, starting=2), 4, 100.0) == 5


def test_pods_that_start_do_not_take_part_where_it_would_shrink() -> None:
    assert from_pods(Metrics(100.0, 2, starting=2), 4, 100.0) == 1


def test_pods_without_a_metric_count_as_the_target_where_it_would_shrink() -> None:
    assert from_pods(Metrics(100.0, 2, missing=2), 4, 100.0) == 3


def test_pods_without_a_metric_count_as_nothing_where_it_would_grow() -> None:
    assert from_pods(Metrics(400.0, 2, missing=2), 4, 100.0) == 4


def test_no_metric_at_all_changes_nothing() -> None:
    assert from_pods(Metrics(0.0, 0, starting=1), 4, 100.0) == 4


def test_an_external_metric_is_divided_by_what_each_is_to_have() -> None:
    assert from_average(450.0, 3, 100.0) == 5
    assert from_average(310.0, 3, 100.0) == 3


def test_it_grows_by_four_pods_or_doubles_in_one_sync() -> None:
    assert Behaviour().limit(100, 1, 0.0) == 5
    assert Behaviour().limit(100, 10, 0.0) == 20


def test_it_shrinks_to_the_highest_recommendation_of_five_minutes() -> None:
    behaviour = Behaviour()

    assert behaviour.limit(10, 10, 0.0) == 10
    assert behaviour.limit(4, 10, 15.0) == 10
    assert behaviour.limit(6, 10, 299.0) == 10
    assert behaviour.limit(3, 10, 316.0) == 6


def test_a_busy_pod_dies_with_its_sessions_after_thirty_seconds_and_not_within_six_hours() -> None:
    spans = [(0.0, 3000.0), (0.0, 3000.0)]  # one session a pod, on two pods of one slot
    setting = a_setting(slots=1, initial=2, end=4000.0)

    short = played(*spans, controller=Hpa(2.0), setting=setting)
    patient = played(*spans, controller=Hpa(2.0, LONG_GRACE), setting=setting)

    assert (short.cut, patient.cut) == (1, 0)


def test_a_metric_that_cannot_be_read_changes_nothing() -> None:
    view = View(Fault.ERROR, ((0.0, 10_000.0),))

    measures = played(controller=Hpa(2.0, view=view), setting=a_setting(initial=5, end=2000.0))

    assert measures.writes == 0
