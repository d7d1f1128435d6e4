"""Listening sockets: hardened, and errors that name the address."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from gateway.io.sockets import listening_socket, reachable_host


def test_a_socket_listens_on_a_free_port_with_the_options_connections_inherit() -> None:
    with listening_socket("127.0.0.1", 0) as sock, socket.create_connection(sock.getsockname()) as client:
        sock.setblocking(True)
        accepted, _ = sock.accept()
        with accepted:
            options = [
                accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
            ]
        assert client.getpeername() == sock.getsockname()

    assert all(option > 0 for option in options)


def test_a_taken_port_is_named() -> None:
    with listening_socket("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port}"):
            listening_socket("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(OSError, match=r"192\.0\.2\.1:0"):
        listening_socket("192.0.2.1", 0)


def test_a_name_that_does_not_resolve_is_named() -> None:
    with pytest.raises(OSError, match=r"no\.such\.host\.invalid:1"):
        listening_socket("no.such.host.invalid", 1)


def test_a_wildcard_is_reached_by_an_address_and_an_address_by_itself() -> None:
    assert reachable_host("10.1.2.3") == "10.1.2.3"
    for wildcard in ("0.0.0.0", "::", ""):
        assert ip_address(reachable_host(wildcard)) not in (ip_address("0.0.0.0"), ip_address("::"))


def test_ipv6_is_spoken() -> None:
    with listening_socket("::1", 0) as sock:
        assert sock.family is socket.AF_INET6
