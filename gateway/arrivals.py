"""What a worker that dials out says first, from bytes to a value: for which attach it comes, and the ticket it shows."""

from __future__ import annotations

import re

from gateway.heads import Head, parse_head
from gateway.refusals import Refusal
from moorage.dialout import MAX_TICKET, PATH, PROTOCOL, Attach
from moorage.errors import Code
from moorage.ids import SessionId, WorkerId

_START = f"GET {PATH} HTTP/1.1"
_FENCE = re.compile(r"[0-9]{1,19}")


def parse_arrival(raw: bytes) -> tuple[Attach, str]:
    """The attach and its ticket. Raises Refusal (BAD_REQUEST), which never shows the ticket."""
    head = parse_head(raw)
    if head is None:
        raise Refusal(Code.BAD_REQUEST, "the request head breaks the grammar of HTTP/1.1")
    if head.start != _START:
        raise Refusal(Code.BAD_REQUEST, f"workers that were asked to attach say {_START} here")
    if [said.lower() for said in head.all("upgrade")] != [PROTOCOL]:
        raise Refusal(Code.BAD_REQUEST, f"this gateway speaks {PROTOCOL}: send it as Upgrade")
    if head.all("transfer-encoding") or head.all("content-length") not in ([], ["0"]):
        raise Refusal(Code.BAD_REQUEST, "an upgrade has no body")
    fence = _one(head, "Moorage-Fence", 19)
    if _FENCE.fullmatch(fence) is None:
        raise Refusal(Code.BAD_REQUEST, "Moorage-Fence is a whole number")
    attach = Attach(
        WorkerId(_one(head, "Moorage-Worker", 64)), SessionId(_one(head, "Moorage-Session", 64)), int(fence)
    )
    return attach, _one(head, "Moorage-Ticket", MAX_TICKET)


def _one(head: Head, name: str, most: int) -> str:
    values = head.all(name.lower())
    if len(values) != 1 or not 1 <= len(values[0]) <= most:
        raise Refusal(Code.BAD_REQUEST, f"{name} is there once, with 1 to {most} characters")
    return values[0]
