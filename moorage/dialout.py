"""How a worker without a port of its own comes to a gateway: the words and bytes of that handshake, for both ends.

    worker                                          gateway that asked (an `attach` order, over the worker's link)
    GET /attach, with the order's ticket    --->
                                            <---    101, or a problem document and the end
                                            <---    the client's upgrade request, as a worker that listens gets it
    its 101, and so on                      --->

Pure. Which tickets are good is gateway/tickets.py's business; sockets are moorage/io/outward.py's and gateway/io/arrivals.py's.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from moorage.ids import SessionId, WorkerId

ADDRESS = "dial-out"  # what such a worker registers instead of ip:port
PATH = "/attach"
PROTOCOL = "moorage-attach/1"  # a later form of the handshake gets a later number
MAX_HEAD_BYTES = 4 << 10  # of either side
MAX_TICKET = 128
MAX_ADDRESS = 256  # of a gateway

SWITCHING = f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {PROTOCOL}\r\n\r\n".encode()

_PORTS = {"http": 80, "https": 443}


class Attach(NamedTuple):
    """One attach at one candidate: what a ticket is for."""

    worker: WorkerId
    session: SessionId
    fence: int


class Place(NamedTuple):
    """Where a gateway waits."""

    host: str
    port: int
    is_tls: bool

    @property
    def authority(self) -> str:
        """`host:port`, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place_of(address: str) -> Place:
    """Of `http://host:port` or `https://host:port`. Raises ValueError saying what is wrong.

    >>> place_of("https://gw-1.internal:7404")
    Place(host='gw-1.internal', port=7404, is_tls=True)
    """
    parts = urlsplit(address)
    is_plain = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
    is_short = len(address) <= MAX_ADDRESS and address.isprintable()
    if parts.scheme not in _PORTS or not parts.hostname or not is_plain or not is_short:
        raise ValueError(f"an address to dial out to is http://host:port or https://host:port, not {address[:80]!r}")
    return Place(parts.hostname, parts.port or _PORTS[parts.scheme], parts.scheme == "https")


def address_of(place: Place) -> str:
    """The other way round.

    >>> address_of(Place("::1", 7404, False))
    'http://[::1]:7404'
    """
    return f"{'https' if place.is_tls else 'http'}://{place.authority}"


def request_for(place: Place, attach: Attach, ticket: str) -> bytes:
    """What the worker says first."""
    return (
        f"GET {PATH} HTTP/1.1\r\nHost: {place.authority}\r\nConnection: Upgrade\r\nUpgrade: {PROTOCOL}\r\n"
        f"Moorage-Worker: {attach.worker}\r\nMoorage-Session: {attach.session}\r\nMoorage-Fence: {attach.fence}\r\n"
        f"Moorage-Ticket: {ticket}\r\n\r\n"
    ).encode("latin-1")
