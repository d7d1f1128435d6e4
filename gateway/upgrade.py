"""The client's upgrade request: from bytes to a value, or to the refusal it deserves (RFC 6455 section 4.2.1)."""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.heads import Head, elements, is_token, parse_head
from gateway.refusals import MOORAGE_PROTOCOL, Refusal
from moorage.errors import Code

_REQUEST = re.compile(r"([A-Z]+) (\S+) HTTP/(\d)\.(\d)")
_TARGET = re.compile(r"/[\x21\x22\x24-\x7e]*")  # origin-form without a fragment (RFC 9112 section 3.2.1)
_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")  # 16 bytes in base64: the last digit carries two bits


class Upgrade(NamedTuple):
    """A valid WebSocket upgrade. `protocols` still hold the token, if it came there."""

    target: str
    key: str
    protocols: tuple[str, ...]
    origin: str | None
    head: Head

    @property
    def sees_closes_only(self) -> bool:
        """Whether the client would not see an HTTP refusal: a browser, or one that speaks our close codes."""
        return self.origin is not None or MOORAGE_PROTOCOL in self.protocols


def parse_upgrade(raw: bytes) -> Upgrade:
    """Raises Refusal (BAD_REQUEST with 400, 405, 426 or 505)."""
    head = parse_head(raw)
    if head is None:
        raise Refusal(Code.BAD_REQUEST, "the request head breaks the grammar of HTTP/1.1")
    target, key = head.plain_upgrade() or _checked(head)
    return Upgrade(target, key, _protocols(head), _one(head, "origin"), head)


def _checked(head: Head) -> tuple[str, str]:
    """Target and key of an upgrade in any form, or the refusal that says what is wrong."""
    target = _target(head)
    _check_framing(head)
    if not _names(head, "upgrade", "websocket"):
        raise Refusal(Code.BAD_REQUEST, "this endpoint speaks WebSocket: send an upgrade request", status=426)
    if not _names(head, "connection", "upgrade"):
        raise Refusal(Code.BAD_REQUEST, "Connection must name Upgrade")
    if _one(head, "sec-websocket-version") != "13":
        raise Refusal(Code.BAD_REQUEST, "Sec-WebSocket-Version must be 13", status=426)
    key = _one(head, "sec-websocket-key") or ""
    if _KEY.fullmatch(key) is None:
        raise Refusal(Code.BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes in base64")
    return target, key


def _names(head: Head, field: str, wanted: str) -> bool:
    values = head.all(field)
    if len(values) == 1 and values[0].lower() == wanted:
        return True
    return wanted in [name.lower() for name in elements(values)]


def _one(head: Head, name: str) -> str | None:
    values = head.all(name)
    if len(values) > 1:
        raise Refusal(Code.BAD_REQUEST, f"{name} is there {len(values)} times")
    return values[0] if values else None


def _target(head: Head) -> str:
    line = _REQUEST.fullmatch(head.start)
    if line is None:
        raise Refusal(Code.BAD_REQUEST, "the request line is not METHOD TARGET HTTP/1.1")
    method, target, major, minor = line.groups()
    if (major, minor) != ("1", "1"):
        raise Refusal(Code.BAD_REQUEST, "only HTTP/1.1 can be upgraded", status=505 if major != "1" else 400)
    if method != "GET":
        raise Refusal(Code.BAD_REQUEST, "an upgrade is a GET", status=405)
    if _TARGET.fullmatch(target) is None:
        raise Refusal(Code.BAD_REQUEST, "the request target must be a path")
    return target


def _check_framing(head: Head) -> None:
    """An upgrade has no body: whatever announces one is an attempt to smuggle, or a mistake."""
    if not _one(head, "host"):
        raise Refusal(Code.BAD_REQUEST, "Host is missing")
    if head.all("transfer-encoding") or _one(head, "content-length") not in (None, "0"):
        raise Refusal(Code.BAD_REQUEST, "an upgrade has no body")


def _protocols(head: Head) -> tuple[str, ...]:
    values = head.all("sec-websocket-protocol")
    if not values:
        return ()
    offered = tuple(elements(values))
    if len(set(offered)) != len(offered) or not all(map(is_token, offered)):
        raise Refusal(Code.BAD_REQUEST, "Sec-WebSocket-Protocol has an invalid or repeated name")
    return offered
