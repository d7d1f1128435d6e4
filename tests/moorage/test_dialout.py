"""Where a worker dials out to, and the bytes it says there."""

from __future__ import annotations

import pytest

from moorage.dialout import Attach, Place, address_of, place_of, request_for
from moorage.ids import SessionId, WorkerId


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://10.0.0.5:7404", Place("10.0.0.5", 7404, False)),
        ("https://gw-1.internal:7404/", Place("gw-1.internal", 7404, True)),
        ("http://[fd00::1]:80", Place("fd00::1", 80, False)),
        ("https://gw", Place("gw", 443, True)),
    ],
)
def test_an_address_is_a_place(address: str, place: Place) -> None:
    assert place_of(address) == place
    assert place_of(address_of(place)) == place


@pytest.mark.parametrize(
    "address",
    [
        *("", "10.0.0.5:7404", "ws://x:1", "http://", "http://x:99999", "http://x/path", "http://x?q", "http://u@x:1"),
        *("http://x:1\r\nEvil: y", "http://x#f", "ftp://x:1", "http://" + "x" * 250),
    ],
)
def test_what_is_none_says_so(address: str) -> None:
    with pytest.raises(ValueError, match=r"address|Port|port"):
        place_of(address)


def test_the_request_is_these_bytes() -> None:
    attach = Attach(WorkerId("wrk_1"), SessionId("ses_2"), 3)

    assert request_for(Place("fd00::1", 7404, False), attach, "secret") == (
        b"GET /attach HTTP/1.1\r\n"
        b"Host: [fd00::1]:7404\r\n"
        b"Connection: Upgrade\r\n"
        b"Upgrade: moorage-attach/1\r\n"
        b"Moorage-Worker: wrk_1\r\n"
        b"Moorage-Session: ses_2\r\n"
        b"Moorage-Fence: 3\r\n"
        b"Moorage-Ticket: secret\r\n"
        b"\r\n"
    )
