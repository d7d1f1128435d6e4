"""The frame walk: what passes, what is refused, and that the compiled walk does the same whatever the reads' sizes."""

from __future__ import annotations

from time import perf_counter
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.frames import Meter, Walk, close_frame, is_sendable, ping_frame
from gateway.io.engine import pump
from gateway.relay import Cause, Limits, Side

TAG = b"moor-tag"
MASK = b"\x01\x02\x03\x04"


class AnyWalk(Protocol):
    fault: Cause | None
    boundary: int
    close_code: int | None
    bytes_passed: int
    messages: int

    @property
    def at_boundary(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def close_seen(self) -> bool: ...
    def feed(self, data: bytes, now: float) -> bytes: ...


def walk_of(kind: str, side: Side, limits: Limits) -> AnyWalk:
    if kind == "pure":
        return Walk(side, limits, TAG)
    if pump is None:
        pytest.skip("the extension is not built")
    walk: AnyWalk = pump.CompiledWalk(side, limits, TAG)
    return walk


@pytest.fixture(params=["pure", "compiled"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def a_frame(opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bytes = b"", rsv: int = 0) -> bytes:
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0x80 if mask else 0
    size = len(payload)
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 1 << 16:
        head = bytes((first, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + size.to_bytes(8, "big")
    return head + mask + (bytes(b ^ mask[i & 3] for i, b in enumerate(payload)) if mask else payload)


def from_client(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    return a_frame(opcode, payload, fin=fin, mask=MASK, rsv=rsv)


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
        began_at = perf_counter()
        assert walk.feed(stream, 0.0) == message * count
        return perf_counter() - began_at

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


frames = st.builds(
    a_frame,
    st.sampled_from([0, 1, 1, 2, 2, 2, 3, 8, 9, 10, 10]),
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [TAG + bytes(8), b"\x03\xe8", b"\x03\xe9why", bytes(125), bytes(126), bytes(300), bytes(65536)]
        ),
    ),
    fin=st.sampled_from([True, True, True, False]),
    mask=st.sampled_from([b"", MASK, MASK, b"\xff\x00\xaa\x55"]),
    rsv=st.sampled_from([0, 0, 0, 0, 0, 4, 1]),
)
streams = st.lists(st.one_of(frames, frames, frames, st.binary(max_size=4)), max_size=12).map(b"".join)
some_limits = st.builds(
    Limits,
    frame_bytes=st.sampled_from([0, 100, 1 << 20]),
    message_bytes=st.sampled_from([0, 200, 1 << 20]),
    messages_per_second=st.sampled_from([0.0, 0.5, 3.0]),
    message_burst=st.integers(1, 5),
    session_bytes=st.sampled_from([0, 0, 50, 1000]),
)


@given(streams, st.sampled_from(Side), some_limits, st.lists(st.integers(1, 40), min_size=1, max_size=20))
@settings(max_examples=600, deadline=None)
def test_both_walks_agree_on_any_stream_cut_anywhere(
    stream: bytes, side: Side, limits: Limits, cuts: list[int]
) -> None:
    pure, compiled = walk_of("pure", side, limits), walk_of("compiled", side, limits)
    at = turn = 0

    while at < len(stream):
        size = cuts[turn % len(cuts)] * (100 if len(stream) > 1000 else 1)
        read = stream[at : at + size]

        assert pure.feed(read, turn / 7) == compiled.feed(read, turn / 7)
        assert state_of(pure) == state_of(compiled)
        at += size
        turn += 1


@given(streams, st.sampled_from(Side), st.lists(st.integers(1, 40), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_how_a_stream_is_cut_changes_nothing(stream: bytes, side: Side, cuts: list[int]) -> None:
    whole, split = walk_of("pure", side, Limits()), walk_of("pure", side, Limits())
    expected = whole.feed(stream, 0)
    passed, at, turn = b"", 0, 0

    while at < len(stream):
        size = cuts[turn % len(cuts)] * (100 if len(stream) > 1000 else 1)
        passed += split.feed(stream[at : at + size], 0)
        at += size
        turn += 1

    assert passed == expected
    assert state_of(whole)[1:] == state_of(split)[1:]


def state_of(walk: AnyWalk) -> tuple[object, ...]:
    return (
        walk.boundary,
        walk.fault,
        walk.at_boundary,
        walk.closed,
        walk.close_seen,
        walk.close_code,
        walk.bytes_passed,
        walk.messages,
    )
