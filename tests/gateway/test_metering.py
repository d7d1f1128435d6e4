"""What still fits into a session's bytes."""

from __future__ import annotations

import pytest

from gateway.metering import Meter, counts_as_message


@pytest.mark.parametrize(("limit_bytes", "size_bytes", "fits"), [(10, 3, True), (10, 4, False), (0, 1 << 40, True)])
def test_bytes_fit_up_to_the_limit_and_always_without_one(limit_bytes: int, size_bytes: int, fits: bool) -> None:
    meter = Meter(limit_bytes, used_bytes=7)

    assert meter.has_room(size_bytes) is fits


@pytest.mark.parametrize(
    ("first", "size_bytes", "counts"),
    [
        (0x82, 7, True),
        (0x01, 9000, True),
        (0x89, 6, True),
        (0x88, 8, False),
        (0x80, 7, False),
        (0x00, 1023, True),
        (0x00, 1024, False),
    ],
    ids=["message", "first fragment", "ping", "close", "last fragment", "small fragment", "large fragment"],
)
def test_a_frame_that_costs_its_reader_as_much_as_a_message_counts_as_one(
    first: int, size_bytes: int, counts: bool
) -> None:
    assert counts_as_message(first, size_bytes) is counts
