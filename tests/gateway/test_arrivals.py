"""What a worker that dials out says first: strict, and never shown back."""

from __future__ import annotations

import pytest

from gateway.arrivals import parse_arrival
from gateway.refusals import Refusal
from moorage.dialout import PROTOCOL, Attach, Place, request_for
from moorage.errors import Code
from tests.builders import a_session, a_worker_id

ATTACH = Attach(a_worker_id(), a_session(), 1_795_000_000_000_000)
TICKET = "t" * 32
GOOD = request_for(Place("10.0.0.5", 7404, False), ATTACH, TICKET)


def test_what_the_sdk_says_is_understood() -> None:
    assert parse_arrival(GOOD) == (ATTACH, TICKET)


def test_names_of_fields_may_be_in_any_case() -> None:
    assert parse_arrival(GOOD.replace(b"Moorage-Ticket", b"moorage-ticket")) == (ATTACH, TICKET)


@pytest.mark.parametrize(
    ("what", "instead", "word"),
    [
        (b"GET /attach", b"GET /other", "/attach"),
        (b"GET", b"POST", "GET /attach"),
        (b"HTTP/1.1", b"HTTP/1.0", "HTTP/1.1"),
        (PROTOCOL.encode(), b"moorage-attach/2", PROTOCOL),
        (PROTOCOL.encode(), b"websocket", PROTOCOL),
        (b"Moorage-Ticket: " + TICKET.encode(), b"X: y", "Moorage-Ticket"),
        (b"Moorage-Ticket: ", b"Moorage-Ticket: a\r\nMoorage-Ticket: ", "Moorage-Ticket"),
        (TICKET.encode(), b"t" * 129, "Moorage-Ticket"),
        (b"Moorage-Worker", b"Worker", "Moorage-Worker"),
        (b"Moorage-Session: ses", b"Moorage-Session: " + b"s" * 60 + b"ses", "Moorage-Session"),
        (b"Moorage-Fence: 1", b"Moorage-Fence: -1", "Moorage-Fence"),
        (b"Moorage-Fence: 1", b"Moorage-Fence: x", "Moorage-Fence"),
        (b"Host: ", b"Content-Length: 5\r\nHost: ", "body"),
        (b"Host: ", b"Transfer-Encoding: chunked\r\nHost: ", "body"),
        (b"Host: ", b"Host : ", "grammar"),
    ],
)
def test_what_is_wrong_is_named_and_the_ticket_is_not(what: bytes, instead: bytes, word: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_arrival(GOOD.replace(what, instead, 1))

    assert refused.value.code is Code.BAD_REQUEST
    assert word in refused.value.detail
    assert TICKET not in refused.value.detail
