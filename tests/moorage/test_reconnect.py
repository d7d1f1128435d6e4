"""When a client tries again: by the error, by how long it has been, by whether the session had begun."""

from __future__ import annotations

import pytest

from moorage.errors import CATALOGUE, Code, error_for
from moorage.reconnect import Outage, Rounds, next_try

OVER = (Code.SESSION_SUPERSEDED, Code.SESSION_ENDED, Code.SESSION_EXPIRED)


def half() -> float:
    return 0.5


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.value)
def test_a_session_that_began_waits_out_whatever_may_pass(code: Code) -> None:
    wait = next_try(error_for(code), Outage(30.0), half)

    assert (wait is not None) == CATALOGUE[code].is_retryable


@pytest.mark.parametrize("code", OVER)
def test_a_session_that_is_over_is_never_tried_again(code: Code) -> None:
    assert next_try(error_for(code, retry_after=0.0), Outage(1e9), half) is None


@pytest.mark.parametrize("code", [Code.NO_CAPACITY, Code.ADMISSION_TIMEOUT, Code.RATE_LIMIT_EXCEEDED])
def test_a_first_connection_reports_a_lack_of_room_at_once(code: Code) -> None:
    assert next_try(error_for(code), Outage(30.0, is_first=True), half) is None


@pytest.mark.parametrize(
    "code", [Code.DRAINING, Code.STORE_UNAVAILABLE, Code.WORKER_LOST, Code.WEBSOCKET_CONNECTION_FAILED]
)
def test_a_first_connection_waits_out_what_is_our_fault(code: Code) -> None:
    assert next_try(error_for(code), Outage(30.0, is_first=True), half) is not None


def test_the_wait_keeps_what_the_gateway_asked_for() -> None:
    assert next_try(error_for(Code.DRAINING, retry_after=4.0), Outage(30.0), half) == 4.5


def test_an_outage_ends_at_its_limit_and_not_after() -> None:
    error = error_for(Code.DRAINING, retry_after=4.0)

    assert next_try(error, Outage(10.0, elapsed=5.5), half) == 4.5
    assert next_try(error, Outage(10.0, elapsed=5.6), half) is None


def test_a_gateway_that_was_left_is_tried_last_and_the_others_in_an_order_of_ones_own() -> None:
    rounds = Rounds(["a", "b", "c", "a"])

    rounds.leave(list.reverse)
    left = rounds.one()
    rounds.prefer("b")

    assert left == ("c", "b", "a")
    assert rounds.one() == ("b", "c", "a")
    assert len(rounds) == 3


def test_the_only_gateway_stays() -> None:
    rounds = Rounds(["a"])

    rounds.leave(list.reverse)

    assert rounds.one() == ("a",)
