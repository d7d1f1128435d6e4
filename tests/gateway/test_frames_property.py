"""Any stream, cut anywhere: the compiled walk does what the pure one does, and the cuts change nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.relay import Limits, Side
from tests.gateway.walks import MASK, TAG, AnyWalk, a_frame, walk_of

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
