"""What a worker answered to the forwarded upgrade: switched, declined, or nothing that can be used."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.forward import Visitor
from gateway.heads import Head, parse_head
from gateway.refusals import MOORAGE_PROTOCOL, accept_key

_STATUS = re.compile(r"HTTP/1\.1 ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?")
_DROPPED = {"connection", "upgrade", "keep-alive", "proxy-connection", "te", "trailer"}


@dataclass(frozen=True, slots=True)
class Switched:
    """The worker took the session; `head` is the 101 for the client."""

    head: bytes


@dataclass(frozen=True, slots=True)
class Declined:
    """The worker answered something else, which is the client's to see. `head` ends the connection after its body."""

    status: int
    head: bytes
    body_bytes: int | None  # None: until the worker ends the connection


@dataclass(frozen=True, slots=True)
class Garbage:
    """No answer of a WebSocket server."""

    detail: str


def parse_answer(raw: bytes, visitor: Visitor) -> Switched | Declined | Garbage:
    """A whole answer head."""
    head = parse_head(raw)
    status = _STATUS.fullmatch(head.start) if head else None
    if head is None or status is None:
        return Garbage("the answer is no HTTP/1.1")
    number = int(status[1])
    if number == 101:
        return _switched(head, visitor)
    if number < 200:
        return Garbage(f"the answer has status {number}")
    return _declined(head, number)


def _switched(head: Head, visitor: Visitor) -> Switched | Garbage:
    if head.all("sec-websocket-accept") != [accept_key(visitor.upgrade.key)]:
        return Garbage("the 101 has a wrong Sec-WebSocket-Accept")
    if [value.lower() for value in head.all("upgrade")] != ["websocket"]:
        return Garbage("the 101 does not switch to websocket")
    selected = head.all("sec-websocket-protocol")
    offered = visitor.presented.protocols
    if len(selected) > 1 or any(name not in offered for name in selected):
        return Garbage("the 101 selects a subprotocol that was not offered")
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", *_kept(head)]
    if not selected and MOORAGE_PROTOCOL in offered:
        lines.append(f"Sec-WebSocket-Protocol: {MOORAGE_PROTOCOL}")
    return Switched("\r\n".join([*lines, "\r\n"]).encode("latin-1"))


def _declined(head: Head, status: int) -> Declined | Garbage:
    lengths = head.all("content-length")
    if len(lengths) > 1 or any(not length.isdecimal() or len(length) > 12 for length in lengths):
        return Garbage("the answer has no usable Content-Length")
    has_no_body = status in (204, 304)
    length = 0 if has_no_body else int(lengths[0]) if lengths and not head.all("transfer-encoding") else None
    lines = [head.start, *_kept(head), "Connection: close", "\r\n"]
    return Declined(status, "\r\n".join(lines).encode("latin-1"), length)


def _kept(head: Head) -> list[str]:
    return [f"{name}: {value}" for name, value in head.fields if name.lower() not in _DROPPED]
