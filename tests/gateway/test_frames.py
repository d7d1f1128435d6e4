"""The frame walk: what passes, what is refused, and where it knows the boundary."""

from __future__ import annotations

from time import process_time

import pytest

from gateway.frames import Walk, close_frame, is_sendable, ping_frame
from gateway.relay import Cause, Limits, Side
from tests.gateway.walks import MASK, TAG, a_frame, from_client, walk_of

LEGAL_FROM_WORKER = {
    "a text": a_frame(1, b"hello"),
    "an empty binary": a_frame(2),
    "the longest short length": a_frame(2, bytes(125)),
    "the shortest 16-bit length": a_frame(2, bytes(126)),
    "the longest 16-bit length": a_frame(2, bytes(65535)),
    "the shortest 64-bit length": a_frame(2, bytes(65536)),
    "a compressed message": a_frame(1, b"zip", rsv=4),
    "fragments with a ping between": a_frame(1, b"a", fin=False) + a_frame(9, b"p") + a_frame(0, b"b"),
    "a compressed fragmented message": a_frame(1, b"a", fin=False, rsv=4) + a_frame(0, b"b"),
    "a ping that looks like ours, from the worker": a_frame(9, TAG + bytes(8)),
    "a close without a code": a_frame(8),
    "a close with a reason": close_frame(4400, b"why"),
}


ILLEGAL_FROM_WORKER = {
    "a masked frame": from_client(1, b"x"),
    "RSV2": a_frame(1, b"x", rsv=2),
    "RSV3": a_frame(1, b"x", rsv=1),
    "RSV1 on a control frame": a_frame(9, rsv=4),
    "RSV1 on a continuation": a_frame(1, fin=False) + a_frame(0, rsv=4),
    "reserved opcode 3": a_frame(3),
    "reserved opcode 11": a_frame(11),
    "a fragmented ping": a_frame(9, fin=False),
    "a control frame of 126 bytes": a_frame(9, bytes(126)),
    "a continuation without a start": a_frame(0, b"x"),
    "a new message within a message": a_frame(1, fin=False) + a_frame(2),
    "a 16-bit length below 126": b"\x82\x7e\x00\x7d" + bytes(125),
    "a 64-bit length below 65536": b"\x82\x7f" + (65535).to_bytes(8, "big"),
    "a length with the top bit": b"\x82\x7f" + (1 << 63).to_bytes(8, "big"),
    "a close of one byte": a_frame(8, b"\x03"),
    "a close with a code nobody may send": a_frame(8, b"\x03\xed"),
}


@pytest.mark.parametrize("stream", LEGAL_FROM_WORKER.values(), ids=LEGAL_FROM_WORKER.keys())
def test_what_the_rfc_allows_passes_untouched(kind: str, stream: bytes) -> None:
    walk = walk_of(kind, Side.WORKER, Limits())

    passed = walk.feed(stream, 0)

    assert (passed, walk.fault, walk.at_boundary, walk.boundary) == (stream, None, True, len(stream))


@pytest.mark.parametrize("stream", ILLEGAL_FROM_WORKER.values(), ids=ILLEGAL_FROM_WORKER.keys())
def test_what_breaks_the_rfc_is_refused_and_what_came_before_passes(kind: str, stream: bytes) -> None:
    walk = walk_of(kind, Side.WORKER, Limits())
    legal = a_frame(2, b"before")

    passed = walk.feed(legal + stream, 0)

    assert walk.fault is Cause.PROTOCOL
    assert passed.startswith(legal)
    assert walk.at_boundary
    assert walk.feed(a_frame(2, b"after"), 0) == b""


def test_an_unmasked_client_is_refused(kind: str) -> None:
    walk = walk_of(kind, Side.CLIENT, Limits())

    assert (walk.feed(a_frame(1, b"x"), 0), walk.fault) == (b"", Cause.PROTOCOL)


@pytest.mark.parametrize(
    "code", [0, 999, 1000, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65535]
)
def test_both_walks_know_which_codes_may_be_sent(kind: str, code: int) -> None:
    walk = walk_of(kind, Side.CLIENT, Limits())

    walk.feed(from_client(8, code.to_bytes(2, "big")), 0)

    assert (walk.fault is None) == is_sendable(code) == (code in {1000, 1003, 1007, 1014, 3000, 4999})
    assert walk.close_code == (code if is_sendable(code) else None)


def test_nothing_follows_a_close(kind: str) -> None:
    walk = walk_of(kind, Side.WORKER, Limits())
    close = close_frame(1000, b"bye")

    assert walk.feed(close + a_frame(1, b"ignored"), 0) == close
    assert walk.feed(b"\xff garbage", 0) == b""
    assert (walk.closed, walk.close_code, walk.fault, walk.messages) == (True, 1000, None, 0)


def test_a_close_cut_anywhere_passes_whole(kind: str) -> None:
    walk = walk_of(kind, Side.CLIENT, Limits())
    close = close_frame(1001, b"a page reload", MASK)

    passed = b"".join(walk.feed(close[i : i + 1], 0) for i in range(len(close)))

    assert (passed, walk.closed, walk.close_code) == (close, True, 1001)


def test_own_pongs_are_swallowed_even_byte_by_byte_and_others_pass(kind: str) -> None:
    walk = walk_of(kind, Side.CLIENT, Limits(session_bytes=200))
    own = from_client(10, ping_frame(TAG, 7)[2:])
    foreign = from_client(10, bytes(16))
    stream = from_client(1, b"a") + own + foreign + own + from_client(1, b"b")
    kept = from_client(1, b"a") + foreign + from_client(1, b"b")

    whole = walk.feed(stream, 0)
    split = b"".join(walk.feed(stream[i : i + 1], 0) for i in range(len(stream)))

    assert whole == split == kept
    assert walk.bytes_passed == 2 * len(kept)


def test_a_flood_of_own_pongs_costs_time_in_proportion_to_its_size(kind: str) -> None:
    """A client knows the tag from the first ping. Closing up after each pong took time by the square of the read."""
    pong = a_frame(0xA, ping_frame(TAG, 1)[2:], mask=MASK)
    message = a_frame(2, b"x", mask=MASK)

    def seconds(count: int) -> float:
        walk = walk_of(kind, Side.CLIENT, Limits())
        stream = (pong + message) * count
        began_at = process_time()
        assert walk.feed(stream, 0.0) == message * count
        return process_time() - began_at

    small, large = (min(seconds(count) for _ in range(5)) for count in (2_000, 32_000))

    assert large < small * 16 * 5


def test_own_pongs_around_held_and_partial_frames_change_nothing_of_the_rest(kind: str) -> None:
    walk = walk_of(kind, Side.CLIENT, Limits())
    pong = a_frame(0xA, ping_frame(TAG, 1)[2:], mask=MASK)
    message = a_frame(2, b"0123456789", mask=MASK)

    passed = [walk.feed(pong + message + pong + message[:9], 0.0), walk.feed(message[9:] + pong + message[:3], 0.0)]
    boundary = walk.boundary

    assert passed == [message + message[:9], message[9:]]
    assert boundary == len(message) - 9
    assert walk.feed(message[3:] + pong, 0.0) == message


def test_the_boundary_is_the_last_one_in_what_passed(kind: str) -> None:
    walk = walk_of(kind, Side.WORKER, Limits())
    frame = a_frame(2, bytes(10))

    walk.feed(frame + frame[:5], 0)
    within_second = walk.boundary
    walk.feed(frame[5:8], 0)
    in_payload = walk.boundary
    walk.feed(frame[8:] + frame[:1], 0)

    assert (within_second, in_payload, walk.boundary) == (12, -1, 4)
    assert walk.at_boundary


@pytest.mark.parametrize(
    ("stream", "is_clear"),
    [
        (from_client(2, bytes(300)) + from_client(1, b"x", rsv=4), True),
        (from_client(9, b"ping"), True),
        (from_client(10, ping_frame(TAG, 1)[2:]), True),
        (from_client(2, bytes(300))[:5], False),
        (from_client(2, bytes(300))[:-1], False),
        (from_client(2, b"first", fin=False), False),
        (from_client(8), False),
        (a_frame(2), False),
    ],
    ids=["messages", "a ping", "an own pong", "a header cut", "a payload cut", "a fragment", "a close", "a fault"],
)
def test_a_walk_is_clear_when_nothing_is_under_way_broken_or_closed(stream: bytes, is_clear: bool) -> None:
    walk = Walk(Side.CLIENT, Limits(), TAG)

    walk.feed(stream, 0)

    assert walk.is_clear is is_clear
