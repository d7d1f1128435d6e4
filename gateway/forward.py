"""The request a worker gets: the client's, less what is not its business, plus who the client is."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from typing import NamedTuple

from gateway.credentials import Presented
from gateway.heads import Names, elements
from gateway.upgrade import Upgrade
from moorage.claims import Claim, sign_claim
from moorage.ids import Draw
from moorage.tokenclaims import encode_context
from moorage.tokens import SessionToken
from scheduler.values import Claimed

_HOP = {
    "connection",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "expect",
    "transfer-encoding",
    "content-length",
    "sec-websocket-protocol",
    "traceparent",
}  # RFC 9110 section 7.6.1, and those that are written anew
# What Connection cannot name away: a worker would get no valid upgrade, and its answer to that would count against it.
_NEVER_HOP = {"host", "origin", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"}
_SPOOFABLE = ("moorage-", "x-forwarded-", "forwarded", "x-real-ip")
_DROPPED = Names(_HOP, _SPOOFABLE)
_DROPPED_WITH_TOKEN = Names({*_HOP, "authorization"}, _SPOOFABLE)
_NO_CONTEXT = "e30="  # {}
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Visitor(NamedTuple):
    """A client whose token was accepted."""

    upgrade: Upgrade
    presented: Presented
    token: SessionToken
    address: str  # the client's own, behind proxies that are trusted
    traceparent: str


def traceparent_of(upgrade: Upgrade, draw: Draw) -> str:
    """The client's (W3C Trace Context), or a new one."""
    sent = upgrade.head.all("traceparent")
    if len(sent) == 1 and _TRACEPARENT.fullmatch(sent[0]):
        return sent[0]
    chance = draw(24)
    return f"00-{chance[:16].hex()}-{chance[16:24].hex()}-01"


def context_header(token: SessionToken) -> str:
    """`Moorage-Context`: base64url JSON of quality, features and metadata."""
    return urlsafe_b64encode(encode_context(token.context)).decode() if token.context else _NO_CONTEXT


def request_for(visitor: Visitor, claimed: Claimed) -> bytes:
    """The upgrade request as the worker sees it."""
    presented, token = visitor.presented, visitor.token
    offered = f"Sec-WebSocket-Protocol: {', '.join(presented.protocols)}\r\n" if presented.protocols else ""
    claim = sign_claim(Claim(claimed.worker, claimed.session, claimed.fence), claimed.claim_key)
    return (
        f"GET {presented.target} HTTP/1.1\r\n{_kept(visitor)}{offered}"
        "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Moorage-Session: {token.session}\r\nMoorage-User: {token.user}\r\nMoorage-Workspace: {token.workspace}\r\n"
        f"Moorage-Context: {context_header(token)}\r\nMoorage-Claim: {claim}\r\n"
        f"X-Forwarded-For: {visitor.address}\r\ntraceparent: {visitor.traceparent}\r\n\r\n"
    ).encode("latin-1")


def _kept(visitor: Visitor) -> str:
    head = visitor.upgrade.head
    dropped = _DROPPED_WITH_TOKEN if visitor.presented.is_in_authorization else _DROPPED
    connection = head.all("connection")
    if connection == ["Upgrade"]:
        return head.lines_without(dropped)
    return head.lines_without(dropped, frozenset([name.lower() for name in elements(connection)]) - _NEVER_HOP)
