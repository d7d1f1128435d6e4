"""Answers as plain values that can be compared between two stores, and shown when they differ.

What may differ by design is taken out here and nowhere else: positions of events, epochs, and fences within one
millisecond (each region of a shared store counts its own; a history never does two things in one millisecond).
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from scheduler.values import Beaten, Event, Notice, Registered

FENCE_TICK = 1000  # fences are microseconds
_OWN = {Event: "position", Registered: "epoch"}  # what each store says its own way


def plain(value: Any, name: str = "") -> Any:
    """Of an answer, a notice, a view or an event; `name` is the field it stands in."""
    if name == "fence" and isinstance(value, int):
        return value // FENCE_TICK
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return round(value, 6)
    if is_dataclass(value) and not isinstance(value, type):
        return _named(value, [field.name for field in fields(value)])
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return _named(value, list(value._fields))
    return _gathered(value)


def _gathered(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): plain(one, str(key)) for key, one in sorted(value.items())}
    if isinstance(value, frozenset | set):
        return sorted(map(plain, value))
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def _named(value: Any, names: list[str]) -> dict[str, Any]:
    own = _OWN.get(type(value), "")
    said = {"is": type(value).__name__} | {name: plain(getattr(value, name), name) for name in names if name != own}
    if isinstance(value, Beaten):
        said["directives"].sort(key=_subject)
    return said


def in_subject_order(values: list[Any]) -> list[Any]:
    """What one step told of several sessions comes in any order; what it told of one session, in the order it has."""
    return sorted((plain(value) for value in values), key=_subject)


def subject(told: Notice | Event) -> str:
    """Whom it is about."""
    return _subject(plain(told))


def _subject(told: dict[str, Any]) -> str:
    if "directive" in told:
        return f"{told['worker']} {told['directive']['session']}"
    for name in ("session", "request", "worker"):
        if told.get(name):
            return str(told[name])
    return str(told.get("wish", told.get("revocation", told["is"])))
