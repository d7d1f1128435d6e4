import pytest

from bench.generator import Answer
from bench.interleave import Slice, medians, ratios


def a_slice(proxy_us: float) -> Slice:
    return Slice(proxy_us, load_us=1.0, proxy_busy=0.5, load_busy=0.5, answer=Answer(1, 0, 0.0, 0.0, 0.0))


def test_a_ratio_is_taken_inside_a_round_so_that_drift_cancels_out() -> None:
    nginx = [a_slice(10), a_slice(20), a_slice(40)]
    ours = [a_slice(11), a_slice(22), a_slice(44)]

    assert {"moorage": pytest.approx(1.1), "nginx": 1.0} == ratios({"moorage": ours, "nginx": nginx})


def test_one_disturbed_round_does_not_move_the_figure() -> None:
    nginx = [a_slice(10)] * 5
    ours = [a_slice(10)] * 4 + [a_slice(90)]

    assert ratios({"moorage": ours, "nginx": nginx})["moorage"] == 1.0


def test_without_the_reference_there_are_absolutes_but_no_ratios() -> None:
    slices = {"moorage": [a_slice(10), a_slice(30), a_slice(20)]}

    assert ratios(slices) == {}
    assert medians(slices, lambda each: each.proxy_us) == {"moorage": 20}
