"""A token narrows what the gateway allows, and never widens it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.relay import Limits
from gateway.sessionlimits import limits_for
from moorage.tokens import TokenLimits

NUMBERS = st.integers(0, 1 << 24)


def test_a_token_without_limits_gets_the_gateways_own() -> None:
    bounds = Limits()

    assert limits_for(bounds, TokenLimits(), 12345) is bounds


def test_a_token_narrows_sizes_and_rate() -> None:
    limits = limits_for(Limits(), TokenLimits(messages_per_second=2.5, message_bytes=100), 0)

    assert (limits.frame_bytes, limits.message_bytes) == (100, 100)
    assert (limits.messages_per_second, limits.message_burst) == (2.5, 5)


def test_a_token_does_not_widen() -> None:
    bounds = Limits(frame_bytes=10, message_bytes=20, messages_per_second=1, message_burst=1, session_bytes=30)

    wide = TokenLimits(messages_per_second=100, message_bytes=1000, session_bytes=1000)

    assert limits_for(bounds, wide, 0) == bounds


def test_a_slow_rate_still_lets_one_message_pass() -> None:
    assert limits_for(Limits(), TokenLimits(messages_per_second=0.1), 0).message_burst == 1


def test_earlier_attaches_count_towards_the_sessions_bytes() -> None:
    assert limits_for(Limits(session_bytes=100), TokenLimits(), 40).session_bytes == 60
    assert limits_for(Limits(), TokenLimits(session_bytes=50), 40).session_bytes == 10


def test_a_session_that_used_up_its_bytes_gets_no_more_and_not_unlimited() -> None:
    assert limits_for(Limits(session_bytes=100), TokenLimits(), 1000).session_bytes == 1


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_no_limit_is_ever_above_the_gateways(own: int, size: int, rate: int, total: int, carried: int) -> None:
    bounds = Limits(frame_bytes=own, message_bytes=own, messages_per_second=own, session_bytes=own)

    limits = limits_for(bounds, TokenLimits(rate, size, total), carried)

    for narrowed in (limits.frame_bytes, limits.message_bytes, limits.messages_per_second, limits.session_bytes):
        assert own == 0 or 0 < narrowed <= own
