"""PROXY headers: who the client behind a balancer is, from any fragment, and nothing from anybody else."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxyprotocol import BadProxyHeader, Proxied, parse_proxy

MAGIC = b"\r\n\r\n\x00\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"


def v2(body: bytes, family_protocol: int = 0x11, version_command: int = 0x21, length: int | None = None) -> bytes:
    return MAGIC + struct.pack("!BBH", version_command, family_protocol, len(body) if length is None else length) + body


IPV4 = socket.inet_pton(socket.AF_INET, "192.0.2.1") + bytes(4) + struct.pack("!HH", 56324, 443)
IPV6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + bytes(16) + struct.pack("!HH", 56324, 443)


@pytest.mark.parametrize(
    ("header", "host", "port"),
    [
        (V1, "192.0.2.1", 56324),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "2001:db8::1", 1),
        (b"PROXY UNKNOWN\r\n", None, 0),
        (b"PROXY UNKNOWN ff::1 ff::2 1 2\r\n", None, 0),
        (v2(IPV4), "192.0.2.1", 56324),
        (v2(IPV6, 0x21), "2001:db8::1", 56324),
        (v2(IPV4 + b"\x04\x00\x03abc"), "192.0.2.1", 56324),
        (v2(IPV4, version_command=0x20), None, 0),
        (v2(b"", family_protocol=0x00), None, 0),
        (v2(bytes(216), family_protocol=0x31), None, 0),
    ],
)
def test_a_header_names_the_client_and_its_own_length(header: bytes, host: str | None, port: int) -> None:
    for rest in (b"", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01"):
        assert parse_proxy(header + rest) == Proxied(host, port, len(header))


@pytest.mark.parametrize("header", [V1, v2(IPV4), v2(IPV6, 0x21), b"PROXY UNKNOWN\r\n"])
def test_every_beginning_of_a_header_waits_for_the_rest(header: bytes) -> None:
    assert [parse_proxy(header[:cut]) for cut in range(len(header))] == [None] * len(header)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02",
        b"\r\n\r\n\x00\r\nQUIX",
        b"PROXX",
        b"proxy TCP4",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n",
        b"PROXY TCP4  192.0.2.1 198.51.100.1 56324 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 x 443\r\n",
        b"PROXY TCP4 2001:db8::1 198.51.100.1 1 443\r\n",
        b"PROXY TCP6 192.0.2.1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 fe80::1%\nMoorage-User:x 2001:db8::2 1 2\r\n",
        b"PROXY TCP4 a.example 198.51.100.1 1 443\r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.1 1 443\r\n",
        b"PROXY \r\n",
        b"PROXY " + b"x" * 101,
        b"PROXY TCP4 " + b"1" * 5000,
        v2(IPV4, version_command=0x11),
        v2(IPV4, version_command=0x22),
        v2(IPV4[:-1]),
        v2(IPV4, 0x21),
        v2(b"", length=65535),
    ],
)
def test_anything_else_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        parse_proxy(data)


@given(
    st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", b"PROXY TCP6 ", MAGIC, MAGIC + b"\x21\x11", MAGIC + b"\x21\x21"]),
    st.binary(max_size=200),
)
def test_noise_is_waited_for_or_refused_or_a_header_within_what_came(start: bytes, noise: bytes) -> None:
    data = start + noise
    with suppress(BadProxyHeader):
        proxied = parse_proxy(data)

        assert proxied is None or 0 < proxied.used_bytes <= len(data)
        assert proxied is None or proxied.host is None or not {"\r", "\n"} & set(proxied.host)
