"""Frames byte by byte, and both walks by name."""

from __future__ import annotations

from typing import Protocol

import pytest

from gateway.frames import Walk
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
    return head + mask + (masked(payload, mask) if mask else payload)


def masked(payload: bytes, mask: bytes) -> bytes:
    key = int.from_bytes((mask * (len(payload) // 4 + 1))[: len(payload)], "big")
    return (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")


def from_client(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    return a_frame(opcode, payload, fin=fin, mask=MASK, rsv=rsv)
