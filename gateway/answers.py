"""What a worker answered to the forwarded upgrade: switched, declined, or nothing that can be used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from gateway.forward import Visitor
from gateway.heads import Head, Names, parse_head
from gateway.refusals import MOORAGE_PROTOCOL, accept_key

_STATUS = re.compile(r"HTTP/1\.1 ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?")
_HOP = {"connection", "upgrade", "keep-alive", "proxy-connection", "te", "trailer"}
_DROPPED = Names({*_HOP, "content-length", "transfer-encoding"})  # a 101 has no body, other answers are framed anew
_SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
_SELECTS_OURS = f"Sec-WebSocket-Protocol: {MOORAGE_PROTOCOL}\r\n"


class Switched(NamedTuple):
    """The worker took the session; `head` is the 101 for the client."""

    head: bytes


@dataclass(frozen=True, slots=True)
class Declined:
    """The worker answered something else, which is the client's to see, its body framed anew."""

    status: int
    lines: tuple[str, ...]  # start line and fields, without those of the framing
    body_bytes: int | None  # None: until the worker ends the connection, or the last chunk
    is_chunked: bool = False

    def with_body(self, body: bytes) -> bytes:
        """The whole answer; it ends the connection."""
        lines = [*self.lines, f"Content-Length: {len(body)}", "Connection: close", "\r\n"]
        return "\r\n".join(lines).encode("latin-1") + body


@dataclass(frozen=True, slots=True)
class Garbage:
    """No answer of a WebSocket server."""

    detail: str


def parse_answer(raw: bytes, visitor: Visitor) -> Switched | Declined | Garbage:
    """A whole answer head."""
    head = parse_head(raw)
    if head is not None and head.start == "HTTP/1.1 101 Switching Protocols":
        return _switched(head, visitor)
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
    upgrade = head.all("upgrade")
    if len(upgrade) != 1 or upgrade[0].lower() != "websocket":
        return Garbage("the 101 does not switch to websocket")
    selected = head.all("sec-websocket-protocol")
    offered = visitor.presented.protocols
    if selected and (len(selected) > 1 or selected[0] not in offered):
        return Garbage("the 101 selects a subprotocol that was not offered")
    ours = _SELECTS_OURS if not selected and MOORAGE_PROTOCOL in offered else ""
    return Switched(f"{_SWITCHING}{head.lines_without(_DROPPED)}{ours}\r\n".encode("latin-1"))


def _declined(head: Head, status: int) -> Declined | Garbage:
    lines = (head.start, *head.lines_without(_DROPPED).split("\r\n")[:-1])
    codings = [coding.lower() for coding in head.all("transfer-encoding")]
    if codings not in ([], ["chunked"]):
        return Garbage("the answer has a Transfer-Encoding other than chunked")
    lengths = head.all("content-length")
    if len(lengths) > 1 or any(not length.isdecimal() or len(length) > 12 for length in lengths):
        return Garbage("the answer has no usable Content-Length")
    if status in (204, 304):
        return Declined(status, lines, 0)
    if codings:
        return Declined(status, lines, None, is_chunked=True)
    return Declined(status, lines, int(lengths[0]) if lengths else None)
