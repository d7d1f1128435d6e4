"""How a connection is refused, in the form its client can see.

Browsers hide the HTTP answer of a failed upgrade, so a valid upgrade that has an Origin or offers `moorage.v1` is accepted
and closed at once with a typed code; everyone else gets an HTTP status with a problem document (RFC 9457).
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from http import HTTPStatus
from math import ceil

from moorage.errors import CATALOGUE, Code, close_reason

MOORAGE_PROTOCOL = "moorage.v1"

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class Refusal(Exception):
    """A connection that will not be relayed, and why. `status` overrides the catalogue's where HTTP has a better one."""

    def __init__(
        self, code: Code, detail: str = "", *, retry_after: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(detail or CATALOGUE[code].meaning)
        self.code = code
        self.detail = detail or CATALOGUE[code].meaning
        self.retry_after = retry_after
        self.status = status or CATALOGUE[code].status or 500


def accept_key(key: str) -> str:
    """`Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def close_frame(code: int, reason: bytes) -> bytes:
    """An unmasked close frame, as servers send them."""
    payload = struct.pack("!H", code) + reason
    return bytes((0x88, len(payload))) + payload


def as_http(refusal: Refusal) -> bytes:
    """The refusal as an HTTP answer that ends the connection."""
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "code": refusal.code.value,
        "detail": refusal.detail,
        "retryable": CATALOGUE[refusal.code].is_retryable,
    }
    if refusal.retry_after is not None:
        problem["retry_after"] = round(refusal.retry_after, 3)
    body = json.dumps(problem, separators=(",", ":")).encode()
    lines = [
        f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *_extra_fields(refusal),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def as_close(refusal: Refusal, key: str, protocols: tuple[str, ...]) -> bytes:
    """The refusal as an accepted upgrade that is closed at once. `protocols` are those offered, the token's removed."""
    chosen = MOORAGE_PROTOCOL if MOORAGE_PROTOCOL in protocols else next(iter(protocols), None)
    selected = f"Sec-WebSocket-Protocol: {chosen}\r\n" if chosen else ""
    head = (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{selected}\r\n"
    )
    code = CATALOGUE[refusal.code].close or 1011
    return head.encode() + close_frame(code, close_reason(refusal.code, refusal.retry_after))


def _extra_fields(refusal: Refusal) -> list[str]:
    extra = [] if refusal.retry_after is None else [f"Retry-After: {ceil(refusal.retry_after)}"]
    match refusal.status:
        case 401:
            extra.append('WWW-Authenticate: Bearer realm="moorage"')
        case 405:
            extra.append("Allow: GET")
        case 426:
            extra += ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    return extra
