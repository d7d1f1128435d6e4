"""Addresses: who the client is behind proxies, and what is limited as one."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.addresses import client_address, is_inside, limited_unit, parse_address

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_literal_addresses_are_read_in_all_their_forms(text: str, address: str) -> None:
    assert str(parse_address(text)) == address


@pytest.mark.parametrize(
    "text", ["", "unknown", "a.example", "192.0.2", "192.0.2.256", "01.2.3.4", "::1::", "1.2.3.4:80", "_x"]
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None
    assert is_inside(text, TRUSTED) is False


@pytest.mark.parametrize(
    ("text", "inside"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("fd00::1", True), ("11.0.0.1", False), ("::1", False)],
)
def test_networks_hold_addresses_of_their_own_family_and_mapped_ones(text: str, inside: bool) -> None:
    assert is_inside(text, TRUSTED) is inside


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", ["192.0.2.1"], "203.0.113.9"),  # nobody believes a stranger
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["6.6.6.6", "192.0.2.1"], "192.0.2.1"),  # the client forged the left one
        ("10.0.0.1", ["6.6.6.6", "192.0.2.1", "10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", ["10.0.0.3", "10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["192.0.2.1", "unknown"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1", "_hidden", "10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["192.0.2.1:4711"], "192.0.2.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["[2001:db8::1]"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1\x00"], "10.0.0.1"),
    ],
)
def test_the_client_is_the_nearest_address_that_no_trusted_proxy_has(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert client_address(peer, forwarded, TRUSTED) == client


def test_without_trusted_proxies_the_socket_is_the_client() -> None:
    assert client_address("10.0.0.1", ["192.0.2.1"], ()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("address", "unit"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("nonsense", "nonsense"),
        ("non:sense", "non:sense"),
    ],
)
def test_one_subscriber_is_limited_as_one(address: str, unit: str) -> None:
    assert limited_unit(address) == unit


@given(st.lists(st.text(max_size=30), max_size=5))
def test_anything_forwarded_gives_an_address_that_fits_into_a_header(forwarded: list[str]) -> None:
    assert parse_address(client_address("10.0.0.1", forwarded, TRUSTED)) is not None
