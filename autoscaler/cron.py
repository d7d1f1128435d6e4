"""Five fields of cron, and when they were met last: a pure function of a time.

Fields: minute hour day month weekday, each `*`, `a`, `a-b`, `a,b`, `*/n`, `a-b/n`; names of months and weekdays; 0 and
7 are Sunday. A restricted day and a restricted weekday are either-or, as in Vixie cron. A local time that a clock change
skips is met at the moment of the change; one that comes twice is met the first time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days of a month, by its number
_DAYS_AHEAD = 366 * 8 + 2  # 29 February is at most eight years away


@dataclass(frozen=True, slots=True)
class Cron:
    """When: each field as the set of numbers that meet it."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    is_either: bool  # day or weekday; else both

    def meets(self, day: date) -> bool:
        """Whether some time of that day does."""
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday if self.is_either else by_day and by_weekday

    @property
    def ever(self) -> bool:
        """Whether any month has such a day."""
        return self.is_either or any(day <= _LONGEST[month] for month in self.months for day in self.days)


def parse(text: str) -> Cron:
    """Raises ValueError that says which field, what it was and what it may be."""
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"{text!r} has {len(fields)} fields; it takes five: minute hour day month weekday")
    minute, hour, day, month, weekday = fields
    weekdays = frozenset(number % 7 for number in _numbers("weekday", weekday, 0, 7, _WEEKDAYS, 0))
    return Cron(
        tuple(sorted(_numbers("minute", minute, 0, 59))),
        tuple(sorted(_numbers("hour", hour, 0, 23))),
        frozenset(_numbers("day", day, 1, 31)),
        frozenset(_numbers("month", month, 1, 12, _MONTHS, 1)),
        weekdays,
        is_either=not day.startswith("*") and not weekday.startswith("*"),
    )


def previous(cron: Cron, zone: ZoneInfo, now: float, *, days: int = _DAYS_AHEAD) -> float | None:
    """The last occurrence not after `now`, in Unix seconds; None where there is none in so many days."""
    return _nearest(cron, zone, now, days, forwards=False)


def following(cron: Cron, zone: ZoneInfo, now: float, *, days: int = _DAYS_AHEAD) -> float | None:
    """The first occurrence after `now`; None where there is none in so many days (30 February)."""
    return _nearest(cron, zone, now, days, forwards=True)


def _nearest(cron: Cron, zone: ZoneInfo, now: float, days: int, *, forwards: bool) -> float | None:
    step = 1 if forwards else -1
    day = datetime.fromtimestamp(now, zone).date() - timedelta(
        days=step
    )  # a change of the clock may move one over midnight
    for _ in range(days + 2):
        if cron.meets(day):
            times = _times(cron, zone, day)
            for at in times if forwards else reversed(times):
                if at > now if forwards else at <= now:
                    return at
        day += timedelta(days=step)
    return None


@lru_cache(maxsize=256)
def _times(cron: Cron, zone: ZoneInfo, day: date) -> tuple[float, ...]:
    """Of one day, in order. `* * * * *` has 1,440, which take 5 ms: once a day, not at each look."""
    times = {
        _moment(datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone))
        for hour in cron.hours
        for minute in cron.minutes
    }
    return tuple(sorted(times))


def _moment(local: datetime) -> float:
    """Unix seconds of a local time; of one that is skipped, the moment of the change."""
    at = local.replace(fold=0).timestamp()
    if datetime.fromtimestamp(at, UTC).astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        return at
    return _change(local, at)


def _change(local: datetime, at: float) -> float:
    """Between the offsets before and after the gap lies the change: the last second with the old offset, and one."""
    early, late = at - 86_400.0, at
    zone = local.tzinfo
    old = datetime.fromtimestamp(early, zone).utcoffset()
    while late - early > 1.0:
        middle = (early + late) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == old:
            early = middle
        else:
            late = middle
    return late


def _numbers(field: str, text: str, least: int, most: int, names: tuple[str, ...] = (), first: int = 0) -> set[int]:
    numbers: set[int] = set()
    for part in text.lower().split(","):
        span, _, step_text = part.partition("/")
        step = _number(field, text, step_text, 1, most, (), 0) if "/" in part else 1
        if span == "*":
            begin, end = least, most
        else:
            begin_text, dash, end_text = span.partition("-")
            begin = _number(field, text, begin_text, least, most, names, first)
            end = (
                _number(field, text, end_text, least, most, names, first) if dash else (most if "/" in part else begin)
            )
        if begin > end:
            raise ValueError(f"{field} {text!r}: {begin} comes after {end}")
        numbers.update(range(begin, end + 1, step))
    return numbers


def _number(field: str, whole: str, text: str, least: int, most: int, names: tuple[str, ...], first: int) -> int:
    if text in names:
        return names.index(text) + first
    if text.isascii() and text.isdigit() and least <= int(text) <= most:
        return int(text)
    raise ValueError(
        f"{field} {whole!r}: {text!r} is not a number from {least} to {most}"
        + (" or a name like " + names[1] if names else "")
    )
