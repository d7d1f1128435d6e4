"""What Prometheus answers: a number is told apart from everything that only looks like one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autoscaler.observation import Health
from autoscaler.promql import (
    MAX_DETAIL,
    Fault,
    NoNumber,
    Number,
    Series,
    aged,
    covered,
    merged,
    read_instant,
    read_range,
    read_refusal,
    sample,
)


def an_answer(kind: str, result: Any, **more: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


def a_series(value: str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [1000.0, value]}


def fault_of(answer: object) -> Fault:
    assert isinstance(answer, NoNumber), answer
    return answer.fault


def test_one_series_is_a_number() -> None:
    assert Number(93.0, 1000.0) == read_instant(an_answer("vector", [a_series("93")]))


def test_a_scalar_is_a_number() -> None:
    assert Number(0.0, 1000.0) == read_instant(an_answer("scalar", [1000.0, "0"]))


def test_no_series_is_not_zero() -> None:
    assert fault_of(read_instant(an_answer("vector", []))) is Fault.EMPTY


def test_several_series_are_not_added_up() -> None:
    answer = read_instant(an_answer("vector", [a_series("1", pod="a"), a_series("2", pod="b")]))

    assert fault_of(answer) is Fault.SEVERAL


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_what_is_not_finite_is_not_a_number(value: str) -> None:
    assert fault_of(read_instant(an_answer("vector", [a_series(value)]))) is Fault.NOT_A_NUMBER


@pytest.mark.parametrize("value", [[10**400, "1"], [1000.0, 10**400]])
def test_a_number_of_four_hundred_digits_is_out_of_range(value: list[Any]) -> None:
    answer = read_instant(an_answer("vector", [{"metric": {}, "value": value}]))

    assert fault_of(answer) is Fault.OUT_OF_RANGE


def test_such_a_point_of_a_range_is_left_out() -> None:
    answer = read_range(an_answer("matrix", [{"metric": {}, "values": [[1.0, "1"], [10**400, "2"]]}]))

    assert answer == Series(((1.0, 1.0),))


def test_what_it_says_is_one_line_that_can_be_written_down_and_orders_no_terminal() -> None:
    answer = read_refusal(400, b'{"errorType": "bad_data", "error": "no\\n\\u001b[31m\\ud800end"}')

    assert answer == NoNumber(Fault.QUERY, "Prometheus cannot read the query: no  [31m end")


def test_a_time_that_is_none_is_said() -> None:
    answer = read_instant(b'{"status":"success","data":{"resultType":"scalar","result":[NaN,"1"]}}')

    assert answer == NoNumber(Fault.NOT_A_NUMBER, "its time is nan")


@pytest.mark.parametrize("value", ["-1", "1e300"])
def test_a_demand_is_neither_below_zero_nor_beyond_all_bounds(value: str) -> None:
    assert fault_of(read_instant(an_answer("vector", [a_series(value)]))) is Fault.OUT_OF_RANGE


@pytest.mark.parametrize("kind", ["string", "matrix", None])
def test_a_query_of_another_kind_is_the_queries_fault(kind: str | None) -> None:
    assert fault_of(read_instant(an_answer(kind, [1000.0, "text"]))) is Fault.QUERY  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"status":"success"}',
        b'{"status":"error"}',
        b"[" * 100_000,
        an_answer("vector", [a_series("ninety")]),
        an_answer("vector", [{"metric": {}, "histogram": [1000.0, {}]}]),
        an_answer("vector", [[]]) + b" trailing",
    ],
)
def test_what_no_prometheus_says_is_broken(body: bytes) -> None:
    assert fault_of(read_instant(body)) is Fault.BROKEN


def test_a_warning_stays_with_its_number() -> None:
    answer = read_instant(an_answer("vector", [a_series("5")], warnings=["store gateway-2 is away"]))

    assert Number(5.0, 1000.0, warning="store gateway-2 is away") == answer


def test_a_range_leaves_gaps_out() -> None:
    body = an_answer("matrix", [{"metric": {}, "values": [[10, "1"], [20, "NaN"], [30, "3"]]}])

    assert Series(((10.0, 1.0), (30.0, 3.0))) == read_range(body)


def test_a_range_of_nothing_is_empty() -> None:
    assert fault_of(read_range(an_answer("matrix", []))) is Fault.EMPTY


@pytest.mark.parametrize(
    ("status", "kind", "fault"),
    [
        (400, "bad_data", Fault.QUERY),
        (422, "execution", Fault.QUERY),
        (503, "timeout", Fault.BUSY),
        (429, "", Fault.BUSY),
        (500, "internal", Fault.BROKEN),
        (401, "", Fault.REFUSED),
        (403, "", Fault.REFUSED),
        (302, "", Fault.BROKEN),
    ],
)
def test_refusals_say_whose_fault_they_are(status: int, kind: str, fault: Fault) -> None:
    body = json.dumps({"status": "error", "errorType": kind, "error": "parse error"}).encode() if kind else b"nope"

    assert fault_of(read_refusal(status, body)) is fault


def test_a_long_error_is_cut() -> None:
    body = json.dumps({"status": "error", "errorType": "bad_data", "error": "x" * 1_000_000}).encode()

    assert len(read_refusal(400, body).detail) < MAX_DETAIL + 60


def test_the_age_of_a_number_is_by_the_servers_clock_alone() -> None:
    number = aged(Number(5.0, at=9_000.0), Number(8_940.0, at=9_000.0))

    assert isinstance(number, Number)
    assert sample(number, now=100.0).at == 40.0


def test_a_number_whose_age_is_unknown_is_none() -> None:
    assert fault_of(aged(Number(5.0, 9.0), NoNumber(Fault.EMPTY, "no series"))) is Fault.EMPTY


def test_too_little_coverage_may_raise_and_not_lower() -> None:
    number = covered(Number(5.0, 9.0), Number(0.5, 9.0), least=0.9)

    assert sample(number, now=9.0).health is Health.STALE


def test_unknown_coverage_may_raise_and_not_lower() -> None:
    number = covered(Number(5.0, 9.0), NoNumber(Fault.EMPTY, "no series"), least=0.9)

    assert sample(number, now=9.0).health is Health.STALE


def test_enough_coverage_changes_nothing() -> None:
    assert sample(covered(Number(5.0, 9.0), Number(0.95, 9.0), least=0.9), now=9.0).health is Health.OK


def test_of_replicas_the_one_that_knows_more_counts() -> None:
    empty = NoNumber(Fault.EMPTY, "no series")

    assert Number(93.0, 9.0) == merged([empty, Number(40.0, 9.0), Number(93.0, 9.0)], stale_after=60.0)


def test_of_replicas_a_fresh_one_counts_before_an_old_one_that_says_more() -> None:
    answers = [Number(93.0, 900.0, age=400.0), Number(40.0, 900.0)]

    assert Number(40.0, 900.0) == merged(answers, stale_after=60.0)


def test_where_no_replica_answers_all_say_why_and_a_wrong_query_first() -> None:
    refused = merged([NoNumber(Fault.UNREACHABLE, "a: refused"), NoNumber(Fault.QUERY, "b: unexpected )")], 60.0)

    assert NoNumber(Fault.QUERY, "a: refused; b: unexpected )") == refused


def test_no_number_is_a_lost_sample_that_says_why() -> None:
    said = sample(NoNumber(Fault.EMPTY, "no series"), now=7.0)

    assert (said.health, said.value, said.detail) == (Health.LOST, None, "empty: no series")
