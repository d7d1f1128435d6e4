"""A trace of sessions as CSV: a header with `start`, `end` and `region`, then one session a line.

Times are Unix seconds or RFC 3339 with an offset, in any order; other columns are ignored. An error names line and column.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from math import isfinite

from autoscaler.replay.sessions import Sessions, sessions_of

COLUMNS = ("start", "end", "region")
MOST_SESSIONS = 5_000_000
"""About 800 MB of memory while they are sorted."""
REGION_LENGTH = 64


class TraceError(ValueError):
    """What is wrong with a trace, in one sentence."""


def read_trace(lines: Iterable[str]) -> list[Sessions]:
    """One for each region, in the order of their names. Raises TraceError."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for many, (start, end, region) in enumerate(_rows(lines), start=1):
        if many > MOST_SESSIONS:
            raise TraceError(f"the trace has more than {MOST_SESSIONS:,} sessions: cut it into parts")
        spans.setdefault(region, []).append((start, end - start))
    if not spans:
        raise TraceError("the trace has no sessions: after the header comes one line for each")
    return [sessions_of(region, spans[region]) for region in sorted(spans)]


def _rows(lines: Iterable[str]) -> Iterator[tuple[float, float, str]]:
    reader = csv.reader(lines, strict=True)
    try:
        places = _places(next(reader, []))
        for row in reader:
            if row:
                yield _row(row, places, reader.line_num)
    except csv.Error as error:
        raise TraceError(f"line {reader.line_num}: {error}") from error


def _places(header: list[str]) -> dict[str, int]:
    names = [name.strip().removeprefix("\ufeff").lower() for name in header]
    for column in COLUMNS:
        if names.count(column) != 1:
            how = "no" if column not in names else "more than one"
            raise TraceError(
                f"line 1: {how} column {column!r}; the header is {','.join(COLUMNS)}, seen: {','.join(names)[:80]!r}"
            )
    return {column: names.index(column) for column in COLUMNS}


def _row(row: list[str], places: dict[str, int], line: int) -> tuple[float, float, str]:
    start, end = (_time(_cell(row, places, column, line), line, column) for column in ("start", "end"))
    if end < start:
        raise TraceError(f"line {line}, column end: the session ends {start - end:g} s before it starts")
    region = _cell(row, places, "region", line)
    if not region or len(region) > REGION_LENGTH:
        raise TraceError(
            f"line {line}, column region: {region[:20]!r} is not a name of 1 to {REGION_LENGTH} characters"
        )
    return start, end, region


def _cell(row: list[str], places: dict[str, int], column: str, line: int) -> str:
    place = places[column]
    if place >= len(row):
        raise TraceError(f"line {line}, column {column}: missing; the line has {len(row)} of the header's columns")
    return row[place].strip()


def _time(text: str, line: int, column: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return _moment(text, line, column)
    if not isfinite(seconds):
        raise TraceError(f"line {line}, column {column}: {text!r} is no moment")
    return seconds


def _moment(text: str, line: int, column: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TraceError(
            f"line {line}, column {column}: {text[:40]!r} is neither Unix seconds nor a time like 2026-01-31T12:00:00Z"
        ) from None
    if moment.tzinfo is None:
        raise TraceError(f"line {line}, column {column}: {text!r} has no offset; end it with Z or +01:00")
    return moment.timestamp()
