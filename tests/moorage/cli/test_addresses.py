"""Addresses as clients read them."""

from __future__ import annotations

import pytest

from moorage.cli.addresses import reachable, redacted, url


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_a_wildcard_is_reached_at_loopback(host: str) -> None:
    assert reachable(host) == "127.0.0.1"


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert url("ws", "fd00::1", 7403, "/link") == "ws://[fd00::1]:7403/link"
    assert url("ws", "10.0.0.1", 7403, "/link") == "ws://10.0.0.1:7403/link"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("redis://h:6379/0", "redis://h:6379/0"),
        ("redis://:secret@h", "redis://:***@h"),
        ("redis://u:se/cr@et@h:1", "redis://u:***@h:1"),
        ("unix:///run/s?db=1&password=secret", "unix:///run/s?db=1&password=***"),
        ("", ""),
    ],
)
def test_no_password_is_shown(said: str, shown: str) -> None:
    assert redacted(said) == shown
