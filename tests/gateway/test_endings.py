"""How relays end: the table, every row of it, and the page that shows it to people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.endings import CAUSES, CLOSES, judge, ordered_farewell, printed_table
from gateway.relay import Cause, Close, Ending, Farewell, Side, Traffic
from moorage.errors import CATALOGUE, Code
from scheduler.values import Outcome

PAGE = Path(__file__).parents[2] / "docs" / "gateway.md"


def an_ending(cause: Cause, by: Side | None = None, code: int | None = None) -> Ending:
    is_closed = cause is Cause.CLOSED
    return Ending(cause, by, code, close_seen=is_closed, client_at_boundary=True, traffic=Traffic())


def outcome_of(cause: Cause, by: Side | None = None, code: int | None = None) -> Outcome | None:
    return judge(an_ending(cause, by, code))[0].outcome


def reason_in(close: Close | None) -> dict[str, object]:
    assert close is not None
    said: dict[str, object] = json.loads(close.reason)
    return said


@pytest.mark.parametrize("by", list(Side))
@pytest.mark.parametrize("code", [None, 1000, 1005, 3000, 3999, 4000, 4999])
def test_a_close_in_order_completes_the_session(by: Side, code: int | None) -> None:
    assert outcome_of(Cause.CLOSED, by, code) is Outcome.COMPLETED


@pytest.mark.parametrize("by", list(Side))
@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 1010])
def test_a_close_that_reports_a_failure_fails_the_session(by: Side, code: int) -> None:
    assert outcome_of(Cause.CLOSED, by, code) is Outcome.FAILED


def test_1011_is_a_workers_failure_but_a_clients_keep_alive_that_gave_up() -> None:
    assert outcome_of(Cause.CLOSED, Side.WORKER, 1011) is Outcome.FAILED
    assert outcome_of(Cause.CLOSED, Side.CLIENT, 1011) is None


@pytest.mark.parametrize("by", list(Side))
@pytest.mark.parametrize("code", [1001, 1012, 1013, 1014])
def test_a_close_that_promises_a_return_suspends_the_session(by: Side, code: int) -> None:
    assert outcome_of(Cause.CLOSED, by, code) is None


@pytest.mark.parametrize("by", list(Side))
def test_both_sides_of_a_close_handshake_heard_it_already(by: Side) -> None:
    verdict, farewell = judge(an_ending(Cause.CLOSED, by, 4000))

    assert farewell == Farewell()
    assert (verdict.code, verdict.by, verdict.reason) == (None, by.value, f"closed by the {by.value} with 4000")


def test_a_close_without_a_code_says_so() -> None:
    verdict, _ = judge(an_ending(Cause.CLOSED, Side.CLIENT))

    assert verdict.reason == "closed by the client with no code"


@pytest.mark.parametrize(
    ("cause", "by", "outcome", "client", "worker"),
    [
        (Cause.EOF, Side.CLIENT, None, None, 1001),
        (Cause.EOF, Side.WORKER, None, 4502, None),
        (Cause.PROTOCOL, Side.CLIENT, Outcome.FAILED, 1002, 1002),
        (Cause.PROTOCOL, Side.WORKER, Outcome.FAILED, 1011, 1002),
        (Cause.TOO_BIG, Side.CLIENT, Outcome.FAILED, 1009, 1009),
        (Cause.TOO_BIG, Side.WORKER, Outcome.FAILED, 1009, 1009),
        (Cause.RATE, Side.CLIENT, None, 4429, 1001),
        (Cause.BYTES, None, Outcome.COMPLETED, 4423, 1000),
        (Cause.SLOW, Side.CLIENT, None, 4422, 1001),
        (Cause.IDLE, None, None, 4421, 1001),
        (Cause.SILENT, Side.CLIENT, None, None, 1001),
    ],
)
def test_what_the_wire_saw_decides_the_session_and_what_each_side_hears(
    cause: Cause, by: Side | None, outcome: Outcome | None, client: int | None, worker: int | None
) -> None:
    verdict, farewell = judge(an_ending(cause, by))

    assert verdict.outcome is outcome
    assert (farewell.client and farewell.client.code) == client
    assert (farewell.worker and farewell.worker.code) == worker
    if farewell.client and verdict.code:
        assert reason_in(farewell.client)["code"] == verdict.code.value


def test_only_a_worker_that_cut_is_lost() -> None:
    lost = {(cause, by) for cause, by in CAUSES if judge(an_ending(cause, by))[0].is_worker_lost}

    assert lost == {(Cause.EOF, Side.WORKER)}


def test_every_cause_is_judged_but_the_gateways_own_order() -> None:
    judged = {cause for cause, _ in CAUSES} | {Cause.CLOSED}

    assert set(Cause) - judged == {Cause.ORDERED}
    with pytest.raises(LookupError):
        judge(an_ending(Cause.ORDERED))


@given(st.sampled_from(Side), st.integers(0, 65535))
def test_any_close_code_has_a_verdict(by: Side, code: int) -> None:
    verdict, farewell = judge(an_ending(Cause.CLOSED, by, code))

    assert verdict.outcome is CLOSES[by, code].outcome if (by, code) in CLOSES else verdict.outcome is Outcome.COMPLETED
    assert farewell == Farewell()


@pytest.mark.parametrize("code", list(Code))
def test_an_ordered_close_carries_the_catalogues_number(code: Code) -> None:
    close = ordered_farewell(code, 0.25)

    assert close.code == (CATALOGUE[code].close or 1011)
    assert reason_in(close) == {"code": code.value, "retry_after": 0.25}


def test_the_page_shows_the_table_that_the_code_walks() -> None:
    assert printed_table() in PAGE.read_text(encoding="utf-8")
