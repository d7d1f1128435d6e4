"""Sessions from a rate: a Poisson process whose rate changes, with lognormal lengths."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from autoscaler.replay.sessions import Sessions, sessions_of


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lognormal session lengths in seconds."""

    median: float = 480.0
    sigma: float = 0.8

    @property
    def mean(self) -> float:
        """Of the distribution."""
        return self.median * math.exp(self.sigma**2 / 2.0)

    def draw(self, chance: Random) -> float:
        """One."""
        return self.median * math.exp(self.sigma * chance.gauss(0.0, 1.0))


def arrive(
    region: str, span: tuple[float, float], rate: Callable[[float], float], lengths: Lengths, chance: Random
) -> Sessions:
    """Sessions of [span[0], span[1]) that come at `rate(time)` a second, which is taken as constant for 10 s at a time.

    It begins with nobody: the first hour belongs to a warm-up.
    """
    return sessions_of(region, _spans(span, rate, lengths, chance))


def _spans(
    span: tuple[float, float], rate: Callable[[float], float], lengths: Lengths, chance: Random
) -> Iterator[tuple[float, float]]:
    begin, end = span
    at = begin
    while at < end:
        step = 10.0
        per_second = rate(at)
        for offset in _offsets(per_second, step, chance):
            yield at + offset, lengths.draw(chance)
        at += step


def _offsets(per_second: float, step: float, chance: Random) -> Iterator[float]:
    if per_second <= 0.0:
        return
    offset = chance.expovariate(per_second)
    while offset < step:
        yield offset
        offset += chance.expovariate(per_second)
