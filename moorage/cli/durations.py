"""Spans of time as people write them: `90`, `90s`, `5m`, `1h30m`."""

from __future__ import annotations

import re

import click

_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PARTS = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")


def parse_seconds(text: str) -> float:
    """Seconds. Raises ValueError saying how it is written.

    >>> [parse_seconds(text) for text in ("90", "90s", "5m", "1h30m", "0")]
    [90.0, 90.0, 300.0, 5400.0, 0.0]
    """
    found = _PARTS.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise ValueError(f"{text!r} is no span of time: write it like 90s, 5m or 1h30m")
    return sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS.values(), strict=True) if part)


def shown(seconds: float) -> str:
    """Two parts at most.

    >>> [shown(seconds) for seconds in (0.4, 59.6, 61, 3600, 90_000)]
    ['0s', '1m', '1m1s', '1h', '1d1h']
    """
    left, parts = round(seconds), []
    for unit, size in _UNITS.items():
        count, left = divmod(left, int(size))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"


class Span(click.ParamType[float]):
    """An option's value in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Numbers, as defaults are, stay as they are."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
