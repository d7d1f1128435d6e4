"""What a relay is told, counts and reports: values shared by both wires, without a byte of I/O.

A relay joins one client socket to one worker socket after the worker's 101. It walks frame headers only. When it
ends it asks its owner for a `Farewell` (what each side is to be told), says it, and closes both sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Side(Enum):
    """An end of the relay."""

    CLIENT = "client"
    WORKER = "worker"


class Cause(Enum):
    """Why a relay ended, as the wire saw it."""

    CLOSED = "closed"  # a close frame passed; `by` sent the first one, `close_code` is its code
    EOF = "eof"  # `by` ended its TCP (FIN or reset) without a close frame
    PROTOCOL = (
        "protocol"  # `by` broke RFC 6455: wrong masking, reserved bits or opcode, bad control frame, bad continuation
    )
    TOO_BIG = "too_big"  # `by` sent a frame or a message over the limit
    RATE = "rate"  # `by` sent messages faster than allowed
    BYTES = "bytes"  # the session's bytes in both directions are used up
    SLOW = "slow"  # the client did not read for `slow_client_seconds`
    IDLE = "idle"  # no data message either way for `idle_seconds`
    SILENT = "silent"  # the client answered no ping within `pong_within_seconds`, nor sent anything else
    ORDERED = "ordered"  # the gateway asked, through `Relay.close`


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one relay. 0 turns a bound off unless said otherwise."""

    frame_bytes: int = 1 << 20  # largest frame payload, each direction
    message_bytes: int = 1 << 20  # largest message over all its fragments, each direction
    messages_per_second: float = (
        0.0  # from the client, as a token bucket; its pings, pongs and small fragments count too
    )
    message_burst: int = 100  # its depth
    session_bytes: int = 0  # payload and header bytes, both directions together
    ping_every_seconds: float = 25.0  # a client that sent nothing for so long gets a ping from the gateway
    pong_within_seconds: float = 10.0  # and is SILENT when nothing at all came so long after it
    idle_seconds: float = 0.0
    slow_client_seconds: float = 10.0  # bytes for the client waited so long without one being taken
    linger_seconds: float = 2.0  # how long a farewell and the peer's own close may take
    buffer_bytes: int = 256 << 10  # most bytes held for one side before the other is no longer read; never 0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What passed. Bytes are WebSocket bytes on the wire above TLS, headers included, gateway's own frames excluded."""

    bytes_from_client: int = 0
    bytes_from_worker: int = 0
    messages_from_client: int = 0  # data messages, counted at their last frame
    messages_from_worker: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """One relay's end, reported once."""

    cause: Cause
    by: Side | None  # None where nobody's bytes decided it: IDLE, BYTES, ORDERED
    close_code: int | None  # code of the first close frame seen; None when it had none or none was seen
    close_seen: bool  # a close frame was seen, with or without a code
    client_at_boundary: bool  # whether a close frame can still be written to the client: False in mid-frame
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class Close:
    """A close frame to write. The reason is at most 123 bytes of UTF-8."""

    code: int
    reason: bytes = b""


@dataclass(frozen=True, slots=True)
class Farewell:
    """What to tell each side before its socket is closed; None says nothing and just closes.

    A side in mid-frame, or one that already got a close frame, cannot be told anything: its TCP is closed.
    """

    client: Close | None = None
    worker: Close | None = None


class Owner(Protocol):
    """Whoever holds the session a relay belongs to. Both methods are called on the loop's thread and must not raise."""

    def relay_ended(self, ending: Ending) -> Farewell:
        """Called exactly once, as soon as the end is certain; the answer is carried out within `linger_seconds`."""

    def relay_closed(self, traffic: Traffic) -> None:
        """Called exactly once, after both descriptors are closed."""
