"""Addresses as clients read them."""

from __future__ import annotations

import pytest

from moorage.cli.addresses import reachable, url


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_a_wildcard_is_reached_at_loopback(host: str) -> None:
    assert reachable(host) == "127.0.0.1"


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert url("ws", "fd00::1", 7403, "/link") == "ws://[fd00::1]:7403/link"
    assert url("ws", "10.0.0.1", 7403, "/link") == "ws://10.0.0.1:7403/link"
