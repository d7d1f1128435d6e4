"""The bounds of one session's relay: the gateway's, narrowed by what its token says; never widened."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from gateway.relay import Limits
from moorage.tokenclaims import NO_LIMITS, TokenLimits


def limits_for(bounds: Limits, token: TokenLimits, carried_bytes: int) -> Limits:
    """`carried_bytes` are those of the session's earlier attaches: the byte limit is the session's, not the socket's."""
    if token == NO_LIMITS and not (bounds.session_bytes and carried_bytes):
        return bounds  # nearly always: making another costs as much as all the checks of the token
    rate = _least(bounds.messages_per_second, token.messages_per_second)
    session_bytes = int(_least(bounds.session_bytes, token.session_bytes))
    return replace(
        bounds,
        frame_bytes=int(_least(bounds.frame_bytes, token.message_bytes)),
        message_bytes=int(_least(bounds.message_bytes, token.message_bytes)),
        messages_per_second=rate,
        message_burst=min(bounds.message_burst, max(1, ceil(2 * rate))) if rate else bounds.message_burst,
        session_bytes=max(1, session_bytes - carried_bytes) if session_bytes else 0,
    )


def _least(*bounds: float) -> float:
    """The smallest that is set; 0 sets none."""
    return min((bound for bound in bounds if bound > 0), default=0)
