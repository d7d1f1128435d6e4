"""Ids: `<type>_<26 base32 characters of a UUIDv7>`, so that they sort by the time they were made.

The alphabet is Crockford's in lower case, as in the TypeID specification. Pure: time and chance are arguments.
"""

from __future__ import annotations

import re
from base64 import b32hexencode
from collections.abc import Callable
from typing import NewType

SessionId = NewType("SessionId", str)
WorkerId = NewType("WorkerId", str)
GatewayId = NewType("GatewayId", str)
UserId = NewType("UserId", str)
WorkspaceId = NewType("WorkspaceId", str)
KeyId = NewType("KeyId", str)
EventId = NewType("EventId", str)
RequestId = NewType("RequestId", str)
EndpointId = NewType("EndpointId", str)
RevocationId = NewType("RevocationId", str)

Draw = Callable[[int], bytes]
"""Chance as an argument: `draw(n)` gives n random bytes (`os.urandom` in the shell)."""

PREFIXES = {
    SessionId: "ses",
    WorkerId: "wrk",
    GatewayId: "gtw",
    UserId: "usr",
    WorkspaceId: "wsp",
    KeyId: "key",
    EventId: "evt",
    RequestId: "req",
    EndpointId: "whe",
    RevocationId: "rev",
}

_TO_CROCKFORD = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", b"0123456789abcdefghjkmnpqrstvwxyz")
_BODY = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")  # 26 x 5 bits hold 130: the first character carries three


def make(prefix: str, now: float, draw: Draw) -> str:
    """An id made at `now` (Unix seconds). 48 bits of milliseconds, 74 of chance (RFC 9562 section 5.7)."""
    chance = int.from_bytes(draw(10), "big")
    number = int(now * 1000) << 80 | 0x7 << 76 | (chance >> 68 & 0xFFF) << 64 | 0b10 << 62 | chance & (1 << 62) - 1
    return f"{prefix}_{_encode(number)}"


def is_id(prefix: str, text: str) -> bool:
    """Whether `text` is an id of that type."""
    return text.startswith(f"{prefix}_") and _BODY.fullmatch(text, len(prefix) + 1) is not None


def parse_session(text: str) -> SessionId:
    """Raises ValueError naming what was seen."""
    return SessionId(_checked("ses", text))


def parse_worker(text: str) -> WorkerId:
    """Raises ValueError naming what was seen."""
    return WorkerId(_checked("wrk", text))


def parse_user(text: str) -> UserId:
    """Raises ValueError naming what was seen."""
    return UserId(_checked("usr", text))


def parse_workspace(text: str) -> WorkspaceId:
    """Raises ValueError naming what was seen."""
    return WorkspaceId(_checked("wsp", text))


def parse_key(text: str) -> KeyId:
    """Raises ValueError naming what was seen."""
    return KeyId(_checked("key", text))


def _checked(prefix: str, text: str) -> str:
    if not is_id(prefix, text):
        raise ValueError(f"{text[:40]!r} is no {prefix}_ id")
    return text


def _encode(number: int) -> str:
    """26 digits: base32 works on 40 bits at once, so six leading digits of 160 bits are always zero."""
    return b32hexencode(number.to_bytes(20, "big"))[6:].translate(_TO_CROCKFORD).decode()
