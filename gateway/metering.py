"""What counts against a session's limits. Decides whether bytes fit and which frames cost a message; must not know sockets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SMALL_FRAGMENT_BYTES: Final = 1024  # header included; a fragment below it costs its reader as much as a message

_CONTINUATION, _CLOSE = 0x0, 0x8  # opcodes, RFC 6455 section 5.2


@dataclass(slots=True)
class Meter:
    """Bytes of both directions of one session against its limit (0: none), taken at each frame's header."""

    limit_bytes: int = 0
    used_bytes: int = 0

    def has_room(self, size_bytes: int) -> bool:
        return not self.limit_bytes or self.used_bytes + size_bytes <= self.limit_bytes


def counts_as_message(first: int, size_bytes: int) -> bool:
    """Whether a frame with this first byte counts against the message rate: else floods of pings or fragments are free."""
    if first == _CONTINUATION:  # not the last one: that is part of a message which was paid for
        return size_bytes < SMALL_FRAGMENT_BYTES
    return first & 0xF not in (_CONTINUATION, _CLOSE)
