"""The frame walk's limits: size of a frame and of a message, message rate, bytes of a session."""

from __future__ import annotations

import pytest

from gateway.frames import Walk
from gateway.metering import Meter
from gateway.relay import Cause, Limits, Side
from tests.gateway.walks import MASK, TAG, a_frame, from_client, walk_of


def test_a_frame_over_the_limit_is_refused_at_its_header(kind: str) -> None:
    walk = walk_of(kind, Side.CLIENT, Limits(frame_bytes=1000))

    passed = walk.feed(from_client(2, bytes(1000)) + from_client(2, bytes(1001))[:8], 0)

    assert (len(passed), walk.fault) == (1008, Cause.TOO_BIG)


def test_a_message_over_the_limit_is_refused_at_the_fragment_that_exceeds_it(kind: str) -> None:
    walk = walk_of(kind, Side.WORKER, Limits(message_bytes=10))
    first = a_frame(2, bytes(6), fin=False)

    passed = walk.feed(first + a_frame(0, bytes(5)), 0)

    assert (passed, walk.fault) == (first, Cause.TOO_BIG)


def test_the_sum_of_fragments_cannot_overflow(kind: str) -> None:
    walk = walk_of(kind, Side.WORKER, Limits(frame_bytes=0, message_bytes=1 << 62))

    walk.feed(a_frame(2, bytes(6), fin=False) + b"\x80\x7f" + ((1 << 63) - 1).to_bytes(8, "big"), 0)

    assert walk.fault is Cause.TOO_BIG


def test_messages_faster_than_the_rate_are_refused_once_the_burst_is_used(kind: str) -> None:
    walk = walk_of(kind, Side.CLIENT, Limits(messages_per_second=8, message_burst=2))
    message = from_client(1, b"x")

    assert walk.feed(message * 2, 100.0) == message * 2
    assert walk.feed(message, 100.125) == message
    assert (walk.feed(message, 100.1875), walk.fault) == (b"", Cause.RATE)


def test_the_session_bytes_end_at_the_frame_that_exceeds_them_but_a_close_may_pass(kind: str) -> None:
    message = from_client(1, b"x")
    close = from_client(8, b"\x03\xe8")
    limits = Limits(session_bytes=2 * len(message))

    closing, talking = walk_of(kind, Side.CLIENT, limits), walk_of(kind, Side.CLIENT, limits)

    assert closing.feed(message * 2 + close, 0) == message * 2 + close
    assert (talking.feed(message * 3, 0), talking.fault) == (message * 2, Cause.BYTES)


def test_two_walks_share_one_meter() -> None:
    meter = Meter(limit_bytes=20)
    client = Walk(Side.CLIENT, Limits(), TAG, meter)
    worker = Walk(Side.WORKER, Limits(), TAG, meter)

    client.feed(from_client(2, bytes(8)), 0)
    worker.feed(a_frame(2, bytes(5)), 0)

    assert (meter.used_bytes, worker.fault) == (14, Cause.BYTES)


@pytest.mark.parametrize(
    "frame",
    [a_frame(9, b"ping", mask=MASK), a_frame(0xA, b"pong", mask=MASK), a_frame(0, b"", fin=False, mask=MASK)],
    ids=["pings", "pongs", "small fragments"],
)
def test_the_message_rate_cannot_be_got_around(kind: str, frame: bytes) -> None:
    walk = walk_of(kind, Side.CLIENT, Limits(messages_per_second=1.0, message_burst=3))
    begun = a_frame(1, b"begun", fin=False, mask=MASK)

    passed = walk.feed(begun + frame * 10, 0.0)

    assert (passed, walk.fault) == (begun + frame * 2, Cause.RATE)


def test_large_fragments_and_the_last_one_are_paid_for_by_their_message(kind: str) -> None:
    walk = walk_of(kind, Side.CLIENT, Limits(messages_per_second=1.0, message_burst=1))
    message = a_frame(2, b"x", fin=False, mask=MASK) + a_frame(0, bytes(2000), fin=False, mask=MASK) * 9
    message += a_frame(0, b"x", mask=MASK) + a_frame(8, b"\x03\xe8", mask=MASK)

    assert (walk.feed(message, 0.0), walk.fault) == (message, None)
