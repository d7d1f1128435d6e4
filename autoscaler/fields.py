"""What a field of a policy may be: each takes the value that was written, or says what it was and what it may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from enum import Enum
from typing import Any, TypeVar

LONGEST = 256  # characters of a name
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}")  # as everywhere over REST
_DNS = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")  # RFC 1123, as Kubernetes names objects
_SHOWN = 80  # characters of what was written
_QUERY = 8192
_E = TypeVar("_E", bound=Enum)
Table = Mapping[str, Any]
Reading = Callable[["At", object], Any]
"""Takes where it is and what was written, and answers the value. Raises WrongPolicy."""


class WrongPolicy(ValueError):
    """One sentence: which field, what it was, what it may be."""


@dataclass(frozen=True, slots=True)
class At:
    """A place in the file, as its writer would name it."""

    path: str

    def under(self, name: str) -> At:
        """A field of this table."""
        known = name if name.isprintable() and len(name) <= _SHOWN else _shown(name)
        return At(f"{self.path}.{known}" if self.path else known)

    def wrong(self, was: object, may_be: str) -> WrongPolicy:
        """To be raised."""
        return WrongPolicy(f"{self.path} is {_shown(was)}: it may be {may_be}")


def _shown(was: object) -> str:
    try:
        shown = repr(was)
    except ValueError:  # a whole number with more digits than Python prints
        return "beyond all bounds"
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."


def whole(least: int, most: int) -> Reading:
    """A whole number."""

    def read(at: At, was: object) -> int:
        if isinstance(was, bool) or not isinstance(was, int) or not least <= was <= most:
            raise at.wrong(was, f"a whole number from {least} to {most}")
        return was

    return read


def number(least: float, most: float) -> Reading:
    """A finite number."""

    def read(at: At, was: object) -> float:
        if isinstance(was, bool) or not isinstance(was, int | float) or not least <= was <= most:
            raise at.wrong(was, f"a number from {least:g} to {most:g}")
        return float(was)

    return read


def text(at: At, was: object) -> str:
    """A name."""
    if not isinstance(was, str) or not was.strip() or len(was) > LONGEST or not was.isprintable():
        raise at.wrong(was, f"a text of 1 to {LONGEST} printable characters")
    return was


def place(at: At, was: object) -> str:
    """A region's or a pool's name."""
    if not isinstance(was, str) or not _PLACE.fullmatch(was):
        raise at.wrong(was, "a text of 1 to 63 letters, digits and . _ / -, the first a letter or digit")
    return was


def dns(at: At, was: object) -> str:
    """A name in Kubernetes."""
    if not isinstance(was, str) or not _DNS.fullmatch(was):
        raise at.wrong(was, "a name of Kubernetes: 1 to 253 small letters, digits, - and .")
    return was


def query(at: At, was: object) -> str:
    """PromQL; what it means is Prometheus' to say."""
    if not isinstance(was, str) or not was.strip() or len(was) > _QUERY:
        raise at.wrong(was, f"a PromQL query of 1 to {_QUERY} characters")
    return was


def truth(at: At, was: object) -> bool:
    """Yes or no."""
    if not isinstance(was, bool):
        raise at.wrong(was, "true or false")
    return was


def choice(kind: type[_E]) -> Reading:
    """One of an enum's values."""

    def read(at: At, was: object) -> _E:
        for each in kind:
            if each.value == was:
                return each
        raise at.wrong(was, " or ".join(repr(each.value) for each in kind))

    return read


def labels(at: At, was: object) -> frozenset[tuple[str, str]]:
    """Name -> value."""
    if not isinstance(was, Mapping):
        raise at.wrong(was, 'a table of texts, as { gpu = "a100" }')
    return frozenset((text(at.under("a name"), name), text(at.under(name), value)) for name, value in was.items())


def tables(at: At, was: object) -> list[tuple[At, Table]]:
    """Of `[[…]]`, each with its place."""
    if not isinstance(was, list) or not all(isinstance(each, Mapping) for each in was):
        raise at.wrong(was, f"tables, each under [[{at.path}]]")
    return [(At(f"{at.path}[{number}]"), each) for number, each in enumerate(was)]


def record(kind: type[Any], readings: Mapping[str, Reading], at: At, was: Table) -> dict[str, Any]:
    """The fields of a dataclass that were written; those without a default must be."""
    found = read(readings, at, was)
    for field in fields(kind):
        if field.name in readings and field.name not in was and field.default is MISSING:
            raise WrongPolicy(f"{at.under(field.name).path} is missing")
    return found


def read(readings: Mapping[str, Reading], at: At, was: Table) -> dict[str, Any]:
    """Each by its name. An unknown one is wrong."""
    for name in was:
        if name not in readings:
            raise WrongPolicy(f"{at.under(name).path} is no field: {_meant(name, readings)}")
    return {name: readings[name](at.under(name), value) for name, value in was.items()}


def _meant(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
