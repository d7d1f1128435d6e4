"""The grammar of HTTP/1.1 heads, shared by requests and answers: strict, because leniency is how requests are smuggled.

Bare CR or LF, obs-fold, white space before a colon, control characters and empty names are refused (RFC 9112 sections 2.2, 5).
"""

from __future__ import annotations

import re

END = b"\r\n\r\n"

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 section 5.6.2, no secret
_VALUE = r"[\t\x20-\x7e\x80-\xff]*"
_FIELDS = re.compile(rf"(?:{_TOKEN}:{_VALUE}\r\n)*\r\n")
_TOKEN_ONLY = re.compile(_TOKEN)
_NO_VALUES: list[str] = []


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


def is_token(text: str) -> bool:
    """RFC 9110 section 5.6.2."""
    return _TOKEN_ONLY.fullmatch(text) is not None


def elements(values: list[str]) -> list[str]:
    """The members of a comma-separated list over several fields, empty ones dropped (RFC 9110 section 5.6.1)."""
    if not values:
        return []
    return [item for value in values for part in value.split(",") if (item := part.strip(" \t"))]
