"""Tests of controlplane/problems.py."""

from __future__ import annotations

import pytest

from controlplane.problems import headers_of, problem, status_of, wrong_fields
from moorage.errors import Code, error_for


def test_a_problem_says_code_status_detail_and_request() -> None:
    error = error_for(Code.RATE_LIMIT_EXCEEDED, "slow down", retry_after=1.23456)

    assert problem(error, "req_1") == {
        "type": "about:blank",
        "title": "connects or messages too fast",
        "status": 429,
        "code": "RATE_LIMIT_EXCEEDED",
        "detail": "slow down",
        "request_id": "req_1",
        "retryable": True,
        "retry_after": 1.235,
    }


def test_without_a_time_to_retry_none_is_said() -> None:
    error = error_for(Code.NOT_FOUND)

    assert "retry_after" not in problem(error, "req_1")
    assert headers_of(error) == {}


@pytest.mark.parametrize(("seconds", "said"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.1, "2")])
def test_retry_after_is_in_whole_seconds_and_never_too_early(seconds: float, said: str) -> None:
    assert headers_of(error_for(Code.NO_CAPACITY, retry_after=seconds)) == {"retry-after": said}


def test_a_code_that_http_never_sees_is_a_500() -> None:
    assert status_of(Code.SLOW_CLIENT) == 500


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"type": "extra_forbidden", "loc": ("body", "foo")}, "foo: unknown field"),
        ({"type": "missing", "loc": ("body", "end_user_id")}, "end_user_id: required"),
        ({"type": "x", "loc": ("body", "labels", "a"), "msg": "Should match"}, "labels.a: should match"),
        ({"type": "value_error", "loc": ("body",), "msg": "Value error, send one"}, "the body: send one"),
        ({"type": "x"}, "the body: is wrong"),
        ({"type": "model_attributes_type", "loc": ("body",)}, "the body: must be a JSON object, sent with"),
    ],
)
def test_each_wrong_field_is_named(error: dict[str, object], said: str) -> None:
    assert wrong_fields([error]).startswith(said)


def test_only_the_first_few_are_named() -> None:
    errors = [{"type": "missing", "loc": ("body", f"f{index}")} for index in range(8)]

    assert wrong_fields(errors).endswith("f4: required; and 3 more")
