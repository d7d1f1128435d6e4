"""The grammar of HTTP/1.1 heads in plain Python: what runs where gateway.scan was not built, and what it must agree with.

Strict, because leniency is how requests are smuggled: bare CR or LF, obs-fold, white space before a colon, control characters
and empty names are refused (RFC 9112 sections 2.2, 5). Import these names from gateway.heads, which chooses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 section 5.6.2, no secret
_VALUE = r"[\t\x20-\x7e\x80-\xff]*"
_FIELDS = re.compile(rf"(?:{TOKEN}:{_VALUE}\r\n)*\r\n")
_PLAIN_START = re.compile(r"GET (/[\x21\x22\x24-\x7e]*) HTTP/1\.1")  # origin-form without a fragment
_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")  # 16 bytes in base64: the last digit carries two bits
_NO_VALUES: list[str] = []
_NOBODY: frozenset[str] = frozenset()


class Names:
    """Names of fields in lower case, and beginnings of names, in which "_" is read as "-": CGI and WSGI read both as one."""

    __slots__ = ("_initials", "_names", "_starts")

    def __init__(self, names: Iterable[str], beginnings: Iterable[str] = ()) -> None:
        self._names = frozenset(names)
        self._starts = tuple(beginnings)
        self._initials = {start[:1] for start in self._starts}

    def hold(self, lower: str) -> bool:
        """Whether the name, which is in lower case, is one of these."""
        if lower in self._names:
            return True
        return lower[:1] in self._initials and lower.replace("_", "-").startswith(self._starts)


class Head:
    """A start line and its fields in order; names as sent, values without surrounding white space.

    A plain class: two are made for every connection, and a frozen dataclass costs several times as much.
    """

    __slots__ = ("_by_name", "fields", "start")

    def __init__(self, start: str, fields: tuple[tuple[str, str], ...]) -> None:
        self.start = start
        self.fields = fields
        self._by_name: dict[str, list[str]] = {}
        for name, value in fields:
            self._by_name.setdefault(name.lower(), []).append(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Head) and (self.start, self.fields) == (other.start, other.fields)

    __hash__ = None  # type: ignore[assignment] # compared in tests only

    def __repr__(self) -> str:
        return f"Head({self.start!r}, {[name for name, _ in self.fields]})"  # values may be secrets

    def all(self, name: str) -> list[str]:
        """Values of a field, by its lower-case name."""
        return self._by_name.get(name, _NO_VALUES)

    def lines_without(self, names: Names, also: frozenset[str] = _NOBODY) -> str:
        """The other fields as lines, each with its line end. `also` are further names, in lower case."""
        return "".join(
            [
                f"{name}: {value}\r\n"
                for name, value in self.fields
                if not names.hold(lower := name.lower()) and lower not in also
            ]
        )

    def plain_upgrade(self) -> tuple[str, str] | None:
        """Target and key of an upgrade in the form that nearly all clients send; None says nothing about any other."""
        line = _PLAIN_START.fullmatch(self.start)
        host, key = self.all("host"), self.all("sec-websocket-key")
        if (
            line is not None
            and len(host) == len(key) == 1
            and host[0]
            and _is_only(self.all("upgrade"), "websocket")
            and _is_only(self.all("connection"), "upgrade")
            and self.all("sec-websocket-version") == ["13"]
            and "transfer-encoding" not in self._by_name
            and "content-length" not in self._by_name
            and _KEY.fullmatch(key[0])
        ):
            return line[1], key[0]
        return None


def _is_only(values: list[str], wanted: str) -> bool:
    return len(values) == 1 and values[0].lower() == wanted


def parse_head(raw: bytes) -> Head | None:
    """A whole head including its empty line, or None where it breaks the grammar."""
    text = raw.decode("latin-1")
    start, _, rest = text.partition("\r\n")
    if "\n" in start or "\r" in start or _FIELDS.fullmatch(rest) is None:
        return None
    lines = rest[:-4].split("\r\n") if len(rest) > 2 else []
    return Head(
        start, tuple([(name, value.strip(" \t")) for name, _, value in [line.partition(":") for line in lines]])
    )
