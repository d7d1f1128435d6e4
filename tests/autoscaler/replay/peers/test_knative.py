"""Numbers of https://knative.dev/docs/serving/autoscaling/kpa-specific/."""

from autoscaler.replay.peers.knative import Knative, Panic
from tests.autoscaler.replay.builders import a_setting, played


def test_in_stable_mode_it_asks_for_the_stable_demand() -> None:
    assert Panic().decide(0.0, ready=2, stable=2.1, panic=3.0) == 3


def test_it_panics_where_the_panic_window_asks_for_twice_what_is_ready() -> None:
    panic = Panic()

    assert panic.decide(0.0, ready=2, stable=2.1, panic=3.1) == 4
    assert panic.since == 0.0


def test_in_panic_nothing_is_lowered_until_a_stable_window_has_passed() -> None:
    panic = Panic()
    panic.decide(0.0, ready=2, stable=2.0, panic=8.0)

    assert panic.decide(58.0, ready=8, stable=2.0, panic=2.0) == 8
    assert panic.decide(60.0, ready=8, stable=2.0, panic=2.0) == 8
    assert panic.decide(62.0, ready=8, stable=2.0, panic=2.0) == 4  # by half at most


def test_one_look_halves_at_most() -> None:
    assert Panic().decide(0.0, ready=10, stable=1.0, panic=1.0) == 5
    assert Panic().decide(0.0, ready=1, stable=0.0, panic=0.0) == 0


def test_it_goes_to_zero_after_its_window_and_its_grace() -> None:
    measures = played((0.0, 10.0), controller=Knative(1.4), setting=a_setting(end=1000.0))

    # the stable window's mean is zero 60 s after the last session, and zero is waited for 30 s
    assert 90.0 <= measures.pod_seconds <= 110.0


def test_a_session_longer_than_a_request_may_be_is_cut_with_its_pod() -> None:
    spans = [(0.0, 900.0), (0.0, 900.0), (0.0, 900.0)]

    measures = played(*spans, controller=Knative(3.0), setting=a_setting(slots=1, initial=3, end=1000.0))

    assert measures.cut == 2
