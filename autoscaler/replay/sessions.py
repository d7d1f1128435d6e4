"""What comes: the sessions of one region, in order of their start."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class Chance(Protocol):
    """Where dice come from; `random.Random` is one."""

    def random(self) -> float:
        """At least 0 and below 1."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """`starts` in Unix seconds, ascending; `lengths` in seconds, at the same places."""

    region: str
    starts: array[float]
    lengths: array[float]

    def __len__(self) -> int:
        return len(self.starts)


def sessions_of(region: str, spans: Iterable[tuple[float, float]]) -> Sessions:
    """From (start, length) in any order. Raises ValueError where one does not last at least 0 s."""
    ordered = sorted(spans)
    for start, length in ordered:
        if not length >= 0.0:
            raise ValueError(f"a session that starts at {start} lasts {length} s; it may not end before it starts")
    return Sessions(region, array("d", (start for start, _ in ordered)), array("d", (length for _, length in ordered)))
