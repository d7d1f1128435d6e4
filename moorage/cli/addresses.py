"""Addresses as people and clients read them. Pure."""

from __future__ import annotations

import re

WILDCARDS = ("", "0.0.0.0", "::")


def reachable(host: str) -> str:
    """Where this machine reaches a listener: a wildcard is no place to connect to.

    >>> reachable("0.0.0.0"), reachable("10.1.2.3")
    ('127.0.0.1', '10.1.2.3')
    """
    return "127.0.0.1" if host in WILDCARDS else host


def url(scheme: str, host: str, port: int, path: str = "") -> str:
    """A URL, IPv6 in brackets.

    >>> url("wss", "::1", 7400)
    'wss://[::1]:7400'
    """
    return f"{scheme}://[{host}]:{port}{path}" if ":" in host else f"{scheme}://{host}:{port}{path}"


def redacted(text: str) -> str:
    """A URL without its password.

    >>> redacted("redis://fleet:secret@10.0.0.1:6379/0"), redacted("unix:///run/s?password=secret&db=1")
    ('redis://fleet:***@10.0.0.1:6379/0', 'unix:///run/s?password=***&db=1')
    """
    said = re.sub(r"(?<=://)([^/@:?#]*):.*@", r"\1:***@", text)
    return re.sub(r"((?:^|[?&])password=)[^&#]*", r"\1***", said)
