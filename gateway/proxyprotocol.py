"""PROXY protocol v1 and v2 (haproxy's specification, 2020): who the client behind a balancer is."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_address

_V2_MAGIC = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_START = b"PROXY "
_V1_MOST_BYTES = 107
_V2_HEADER_BYTES = 16
_V2_MOST_BYTES = 16 + 4096  # addresses and TLVs; real ones stay under 536
_ADDRESS_BYTES = {1: 12, 2: 36}  # AF_INET, AF_INET6: two addresses and two ports


@dataclass(frozen=True, slots=True)
class Proxied:
    """A whole header of `used_bytes`; `host` None for LOCAL and UNKNOWN, which speak for the proxy itself."""

    host: str | None
    port: int
    used_bytes: int


class BadProxyHeader(ValueError):
    """The peer must send a PROXY header and sent something else."""


def parse_proxy(data: bytes) -> Proxied | None:
    """None while more bytes are needed. Raises BadProxyHeader."""
    if data.startswith(_V2_MAGIC):
        return _parse_v2(data)
    if data.startswith(_V1_START):
        return _parse_v1(data)
    if _V2_MAGIC.startswith(data) or _V1_START.startswith(data):
        return None
    raise BadProxyHeader("the connection does not start with a PROXY header")


def _parse_v1(data: bytes) -> Proxied | None:
    line, end, _ = data[:_V1_MOST_BYTES].partition(b"\r\n")
    if not end:
        if len(data) >= _V1_MOST_BYTES:
            raise BadProxyHeader("the PROXY line is too long")
        return None
    used = len(line) + 2
    words = line.decode("latin-1").split(" ")
    if words[1] == "UNKNOWN":
        return Proxied(None, 0, used)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6") or not (words[4].isdecimal() and words[5].isdecimal()):
        raise BadProxyHeader("the PROXY line is not TCP4 or TCP6 with two addresses and two ports")
    return Proxied(_address(words[2], 4 if words[1] == "TCP4" else 6), _port(int(words[4])), used)


def _parse_v2(data: bytes) -> Proxied | None:
    if len(data) < _V2_HEADER_BYTES:
        return None
    version_command, family_protocol, length = struct.unpack_from("!BBH", data, 12)
    used = _V2_HEADER_BYTES + length
    if version_command >> 4 != 2 or version_command & 15 > 1 or used > _V2_MOST_BYTES:
        raise BadProxyHeader("the PROXY v2 header has a wrong version, command or length")
    if len(data) < used:
        return None
    family = family_protocol >> 4
    if version_command & 15 == 0 or family not in _ADDRESS_BYTES:
        return Proxied(None, 0, used)
    if length < _ADDRESS_BYTES[family]:
        raise BadProxyHeader("the PROXY v2 header is too short for its addresses")
    size = 4 if family == 1 else 16
    host = str(ip_address(data[16 : 16 + size]))
    (port,) = struct.unpack_from("!H", data, 16 + 2 * size)
    return Proxied(host, port, used)


def _address(text: str, version: int) -> str:
    try:
        address = ip_address(text)
    except ValueError as error:
        raise BadProxyHeader("the PROXY line has an address that is none") from error
    if "%" in text:  # a zone may hold any byte, and the address is written into a header
        raise BadProxyHeader("the PROXY line has an address with a zone")
    if address.version != version:
        raise BadProxyHeader("the PROXY line mixes address families")
    return str(address)


def _port(number: int) -> int:
    if number > 65535:
        raise BadProxyHeader("the PROXY line has a port over 65535")
    return number
