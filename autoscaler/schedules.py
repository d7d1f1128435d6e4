"""Whether a schedule holds now."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo

from autoscaler import cron
from autoscaler.policy import Schedule


def in_force(schedule: Schedule, now: float) -> bool:
    """Whether an occurrence lies within the last `duration` seconds."""
    began = _began(schedule.cron, schedule.time_zone, schedule.duration, now - now % 1.0)
    return began is not None and now < began + schedule.duration


def begins(schedule: Schedule, now: float) -> float | None:
    """When it holds next after `now`."""
    return cron.following(_parsed(schedule.cron), _zone(schedule.time_zone), now)


def _began(text: str, time_zone: str, duration: float, now: float) -> float | None:
    return cron.previous(_parsed(text), _zone(time_zone), now, days=int(duration // 86_400.0) + 1)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> cron.Cron:
    return cron.parse(text)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
