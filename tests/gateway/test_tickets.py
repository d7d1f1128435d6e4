"""Tickets are good once, for one attach, in time; those who show others are shut out; what is kept is bounded."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tickets import KEPT_SECONDS, Shown, Strikes, Tickets, TooManyTickets, Verdict
from moorage.dialout import Attach
from tests.builders import a_session, a_worker_id

SECONDS = 3.0


def an_attach(number: int = 0, worker: int = 0, fence: int = 7) -> Attach:
    return Attach(a_worker_id(worker), a_session(number), fence)


@pytest.fixture
def tickets() -> Tickets:
    return Tickets(os.urandom)


def test_a_ticket_is_good_once(tickets: Tickets) -> None:
    text = tickets.issue(an_attach(), 0.0, SECONDS)

    first = tickets.show(an_attach(), text, 1.0)
    second = tickets.show(an_attach(), text, 1.1)

    assert first == Shown(Verdict.ACCEPTED, an_attach())
    assert second == Shown(Verdict.SPENT, None)
    assert len(tickets) == 0


def test_a_ticket_has_192_bits_of_chance_and_can_go_into_a_header(tickets: Tickets) -> None:
    texts = {tickets.issue(an_attach(number), 0.0, SECONDS) for number in range(100)}

    assert len(texts) == 100
    assert all(len(text) == 32 and text.replace("-", "x").replace("_", "x").isalnum() for text in texts)


def test_at_its_deadline_it_is_late_and_stays_so(tickets: Tickets) -> None:
    text = tickets.issue(an_attach(), 0.0, SECONDS)

    shown = [tickets.show(an_attach(), text, now) for now in (SECONDS, SECONDS + 1)]

    assert shown == [Shown(Verdict.LATE, an_attach()), Shown(Verdict.LATE, None)]


def test_an_attach_that_went_on_makes_its_ticket_late(tickets: Tickets) -> None:
    text = tickets.issue(an_attach(), 0.0, SECONDS)
    tickets.withdraw(an_attach())

    assert tickets.show(an_attach(), text, 0.1) == Shown(Verdict.LATE, None)


@pytest.mark.parametrize(
    "other", [an_attach(number=1), an_attach(worker=1), an_attach(fence=8)], ids=["session", "worker", "fence"]
)
def test_a_ticket_of_another_attach_spoils_its_own(tickets: Tickets, other: Attach) -> None:
    text = tickets.issue(an_attach(), 0.0, SECONDS)

    assert tickets.show(other, text, 0.1) == Shown(Verdict.MISPLACED, an_attach())
    assert tickets.show(an_attach(), text, 0.2) == Shown(Verdict.SPENT, None)


def test_a_misplaced_ticket_leaves_the_attach_it_was_shown_for_alone(tickets: Tickets) -> None:
    one = tickets.issue(an_attach(1), 0.0, SECONDS)
    two = tickets.issue(an_attach(2), 0.0, SECONDS)

    tickets.show(an_attach(2), one, 0.1)

    assert tickets.show(an_attach(2), two, 0.2) == Shown(Verdict.ACCEPTED, an_attach(2))


def test_a_ticket_that_was_never_issued_ends_the_attach_it_is_shown_for(tickets: Tickets) -> None:
    text = tickets.issue(an_attach(), 0.0, SECONDS)

    assert tickets.show(an_attach(), "x" * 32, 0.1) == Shown(Verdict.WRONG, an_attach())
    assert tickets.show(an_attach(), text, 0.2) == Shown(Verdict.LATE, None)


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=200))
def test_no_other_text_is_accepted(text: str) -> None:
    tickets = Tickets(lambda count: b"t" * count)
    issued = tickets.issue(an_attach(1), 0.0, SECONDS)

    verdict = tickets.show(an_attach(2), text, 0.1).verdict

    assert verdict is (Verdict.MISPLACED if text == issued else Verdict.UNKNOWN)


def test_a_second_ticket_of_an_attach_replaces_the_first(tickets: Tickets) -> None:
    first = tickets.issue(an_attach(), 0.0, SECONDS)
    second = tickets.issue(an_attach(), 1.0, SECONDS)

    assert tickets.show(an_attach(), first, 2.0) == Shown(Verdict.LATE, None)
    assert tickets.show(an_attach(), second, 2.0) == Shown(Verdict.ACCEPTED, an_attach())


def test_a_long_past_ticket_is_forgotten(tickets: Tickets) -> None:
    text = tickets.issue(an_attach(1), 0.0, SECONDS)
    tickets.withdraw(an_attach(1))
    tickets.issue(an_attach(2), SECONDS + KEPT_SECONDS, SECONDS)

    assert tickets.show(an_attach(1), text, SECONDS + KEPT_SECONDS) == Shown(Verdict.UNKNOWN, None)


def test_past_tickets_make_room_and_waiting_ones_do_not() -> None:
    tickets = Tickets(os.urandom, most=3)
    for number in range(10):
        text = tickets.issue(an_attach(number), 0.0, SECONDS)
        tickets.show(an_attach(number), text, 0.0)
    for number in range(3):
        tickets.issue(an_attach(100 + number), 0.0, SECONDS)

    with pytest.raises(TooManyTickets):
        tickets.issue(an_attach(200), 0.0, SECONDS)
    assert len(tickets) == 3


def test_bad_tickets_shut_an_address_out_until_its_bucket_fills_again() -> None:
    strikes = Strikes(rate=1.0, burst=3)
    for _ in range(3):
        assert not strikes.shut_out("a", 0.0)
        strikes.add("a", 0.0)

    assert strikes.shut_out("a", 0.5)
    assert not strikes.shut_out("b", 0.5)
    assert not strikes.shut_out("a", 1.0)
