"""The table of endings, from the worker's side and from the client's."""

from __future__ import annotations

import json

import pytest

from moorage.endings import Attach, Closed, at_client, at_worker, from_status, is_normal, of_worker
from moorage.errors import CATALOGUE, Broken, Code, Retryable, SessionOver, close_reason
from moorage.link import Outcome

CLOSING = [code for code in Code if CATALOGUE[code].close is not None]


@pytest.mark.parametrize(
    ("closed", "fate"),
    [
        (Closed(received=1000), Attach.COMPLETED),
        (Closed(received=1005), Attach.COMPLETED),
        (Closed(received=1001), Attach.DETACHED),
        (Closed(), Attach.DETACHED),
        (Closed(received=1012), Attach.DETACHED),
        (Closed(received=4409), Attach.DETACHED),
        (Closed(received=4502), Attach.DETACHED),
        (Closed(received=4410), Attach.COMPLETED),
        (Closed(received=4423), Attach.COMPLETED),
        (Closed(received=4419), Attach.EXPIRED),
        (Closed(received=1002), Attach.FAILED),
        (Closed(received=1007), Attach.FAILED),
        (Closed(received=1009), Attach.FAILED),
        (Closed(received=1011), Attach.DETACHED),
        (Closed(received=3000), Attach.COMPLETED),
        (Closed(received=4001), Attach.COMPLETED),
        (Closed(sent=1009), Attach.FAILED),
        (Closed(sent=1002), Attach.FAILED),
        (Closed(sent=1011), Attach.DETACHED),
        (Closed(sent=1000), Attach.DETACHED),
    ],
)
def test_a_worker_reads_a_close_as_the_gateway_does(closed: Closed, fate: Attach) -> None:
    assert at_worker(closed) is fate


@pytest.mark.parametrize(
    ("code", "fate"),
    [
        (1000, Attach.COMPLETED),
        (4000, Attach.COMPLETED),
        (1011, Attach.FAILED),
        (1012, Attach.DETACHED),
        (1001, Attach.DETACHED),
    ],
)
def test_a_workers_own_code_ends_fails_or_hands_over(code: int, fate: Attach) -> None:
    assert of_worker(code) is fate


def test_only_a_detached_session_has_no_outcome() -> None:
    assert [(fate, fate.outcome) for fate in Attach] == [
        (Attach.DETACHED, None),
        (Attach.COMPLETED, Outcome.COMPLETED),
        (Attach.FAILED, Outcome.FAILED),
        (Attach.EXPIRED, Outcome.EXPIRED),
    ]


@pytest.mark.parametrize("code", CLOSING, ids=lambda code: code.value)
def test_a_client_hears_every_typed_close_as_its_own_error(code: Code) -> None:
    close = CATALOGUE[code].close
    assert close is not None

    error = at_client(Closed(received=close, reason=close_reason(code, 2.5).decode()))

    assert error.code is code
    assert error.retry_after == (None if code is Code.INTERNAL else 2.5)


@pytest.mark.parametrize("reason", ["", "{", "[]", '{"code":"NOPE"}', '{"code":7}', '{"code":"DRAINING"}', "x" * 123])
def test_a_close_without_a_readable_reason_is_known_by_its_number(reason: str) -> None:
    assert at_client(Closed(received=4503, reason=reason)).code is Code.NO_CAPACITY


@pytest.mark.parametrize("said", ["soon", -1, None, [], "NaN", "Infinity"])
def test_a_senseless_retry_after_is_none(said: object) -> None:
    assert at_client(Closed(received=4503, reason=json.dumps({"retry_after": said}))).retry_after is None


def test_a_retry_after_is_an_hour_at_most() -> None:
    assert at_client(Closed(received=4503, reason='{"retry_after":1e300}')).retry_after == 3600.0


@pytest.mark.parametrize("code", [1001, 1006, 1012, 1013, 1014])
def test_a_peer_that_goes_away_is_come_back_to(code: int) -> None:
    assert isinstance(at_client(Closed(received=code)), Retryable)


def test_a_connection_that_was_cut_is_a_lost_worker() -> None:
    assert at_client(Closed()).code is Code.WORKER_LOST
    assert at_client(Closed(sent=1011)).is_retryable  # our own keep-alive found it dead


@pytest.mark.parametrize("code", [1000, 1005])
def test_a_normal_close_ends_the_session(code: int) -> None:
    assert is_normal(Closed(received=code))
    assert at_client(Closed(received=code)).code is Code.SESSION_ENDED


@pytest.mark.parametrize("code", [1001, 1006, 1011, 4410])
def test_no_other_close_is_normal(code: int) -> None:
    assert not is_normal(Closed(received=code))


def test_a_failed_handler_is_not_retried_although_the_catalogue_would() -> None:
    error = at_client(Closed(received=1011, reason='{"code":"INTERNAL","retry_after":1}'))

    assert isinstance(error, SessionOver)
    assert error.code is Code.INTERNAL


@pytest.mark.parametrize(("sent", "code"), [(1009, Code.MESSAGE_TOO_BIG), (1002, Code.PROTOCOL_ERROR)])
def test_a_peer_that_breaks_the_protocol_is_not_retried(sent: int, code: Code) -> None:
    error = at_client(Closed(sent=sent))

    assert isinstance(error, Broken)
    assert error.code is code


def test_a_workers_private_code_ends_the_session_and_is_told() -> None:
    error = at_client(Closed(received=3999, reason="checkmate"))

    assert isinstance(error, SessionOver)
    assert "3999" in str(error)
    assert "checkmate" in str(error)


def test_an_http_refusal_is_known_by_its_problem_document() -> None:
    body = json.dumps({"code": "NO_CAPACITY", "detail": "full", "retry_after": 2.5}).encode()

    error = from_status(503, body, None)

    assert (error.code, str(error), error.retry_after) == (Code.NO_CAPACITY, "full", 2.5)
    assert from_status(503, body, "7").retry_after == 7.0


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, Code.BAD_REQUEST),
        (401, Code.INVALID_SESSION_TOKEN),
        (403, Code.PERMISSION_DENIED),
        (410, Code.SESSION_ENDED),
        (429, Code.RATE_LIMIT_EXCEEDED),
        (500, Code.WEBSOCKET_CONNECTION_FAILED),
        (502, Code.WEBSOCKET_CONNECTION_FAILED),
        (302, Code.WEBSOCKET_CONNECTION_FAILED),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 9000, b'{"code":[]}'])
def test_an_http_refusal_of_something_else_is_known_by_its_status(status: int, code: Code, body: bytes) -> None:
    assert from_status(status, body, "Wed, 21 Oct 2015 07:28:00 GMT").code is code
