"""The catalogue is whole, its classes agree with its rows, and its reasons fit into close frames."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from moorage.errors import (
    CATALOGUE,
    MAX_REASON_BYTES,
    Broken,
    Code,
    MoorageError,
    Refused,
    Retryable,
    SessionOver,
    class_of,
    close_reason,
    error_for,
)

EVERY = pytest.mark.parametrize("code", list(Code), ids=lambda code: code.value)


def test_every_code_has_one_row() -> None:
    assert set(CATALOGUE) == set(Code)


@EVERY
def test_a_code_is_its_own_name_and_its_numbers_are_in_range(code: Code) -> None:
    row = CATALOGUE[code]

    assert code.value == code.name
    assert row.status is None or 400 <= row.status < 600
    assert row.close is None or row.close in (1002, 1009, 1011, 1012) or 4400 <= row.close < 4600
    assert row.status is not None or row.close is not None
    assert row.meaning


@EVERY
def test_a_close_reason_fits_into_a_close_frame_and_is_json(code: Code) -> None:
    reason = close_reason(code, 3599.123456)

    assert len(reason) <= MAX_REASON_BYTES
    assert json.loads(reason) == {"code": code.value, "retry_after": 3599.123}


def test_a_close_reason_without_a_wait_says_the_code_alone() -> None:
    assert close_reason(Code.SESSION_ENDED) == b'{"code":"SESSION_ENDED"}'


@EVERY
def test_the_class_of_an_error_agrees_with_its_row(code: Code) -> None:
    error = error_for(code, "why", retry_after=2.0)

    assert type(error) is class_of(code)
    assert (error.code, error.detail, error.retry_after, str(error)) == (code, "why", 2.0, "why")
    assert error.row is CATALOGUE[code]
    if not isinstance(error, Broken):
        assert error.is_retryable == CATALOGUE[code].is_retryable
        assert isinstance(error, Retryable) == error.is_retryable


@pytest.mark.parametrize(
    ("code", "branch"),
    [
        (Code.PERMISSION_DENIED, Refused),
        (Code.SESSION_SUPERSEDED, SessionOver),
        (Code.SESSION_ENDED, SessionOver),
        (Code.SESSION_EXPIRED, SessionOver),
        (Code.NO_CAPACITY, Retryable),
        (Code.INTERNAL, Broken),
    ],
)
def test_each_branch_of_the_tree_has_its_codes(code: Code, branch: type[MoorageError]) -> None:
    assert class_of(code) is branch


def test_an_error_without_detail_says_what_its_code_means() -> None:
    assert str(error_for(Code.DRAINING)) == CATALOGUE[Code.DRAINING].meaning


def test_a_session_that_is_over_is_never_retried_whatever_its_code_allows_elsewhere() -> None:
    assert CATALOGUE[Code.INTERNAL].is_retryable
    assert not SessionOver(Code.INTERNAL).is_retryable


def test_a_refusal_is_never_retried_unchanged() -> None:
    assert not Refused(Code.WEBSOCKET_CONNECTION_FAILED).is_retryable


def test_errors_survive_pickling_and_copying() -> None:
    error = error_for(Code.NO_CAPACITY, "full", retry_after=1.5)

    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own bytes
        assert type(again) is type(error)
        assert (again.code, again.detail, again.retry_after) == (Code.NO_CAPACITY, "full", 1.5)
