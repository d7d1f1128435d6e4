"""Rate limits of API keys by GCRA, and the headers that tell how much is left.

GCRA keeps one number a key and window, the theoretical arrival time; a burst of the whole limit is allowed, then an even
rate (ITU-T I.371). Headers follow draft-ietf-httpapi-ratelimit-headers-10.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

from controlplane.policy import RateLimit

MINUTE = 60
HOUR = 3600
MAX_KEYS = 100_000  # a key that was forgotten starts with a full burst, so the bound only ever errs towards the caller


@dataclass(frozen=True, slots=True)
class Pace:
    """One window as it stands after a request."""

    name: str
    limit: int
    window: int
    remaining: int
    reset_after: float  # until one more request fits, or 0


@dataclass(frozen=True, slots=True)
class Paced:
    """The answer: allowed when `retry_after` is 0."""

    paces: tuple[Pace, ...]
    retry_after: float

    @property
    def headers(self) -> dict[str, str]:
        """RateLimit and RateLimit-Policy; Retry-After belongs to the refusal."""
        policy = ", ".join(f'"{pace.name}";q={pace.limit};w={pace.window}' for pace in self.paces)
        left = ", ".join(f'"{pace.name}";r={pace.remaining};t={ceil(pace.reset_after)}' for pace in self.paces)
        return {"ratelimit-policy": policy, "ratelimit": left}


class Pacer:
    """Arrival times of the keys seen last, bounded."""

    def __init__(self, keys: int = MAX_KEYS) -> None:
        self._arrivals: OrderedDict[str, tuple[float, ...]] = OrderedDict()
        self._keys = keys

    def request(self, key: str, limit: RateLimit, now: float) -> Paced | None:
        """Counts one request; a refused one is not counted. None where the key has no limit."""
        windows = [
            (name, quota, window)
            for name, quota, window in (("minute", limit.per_minute, MINUTE), ("hour", limit.per_hour, HOUR))
            if quota
        ]
        if not windows:
            return None
        arrivals = self._arrivals.get(key, (0.0,) * len(windows))
        if len(arrivals) != len(windows):  # its limits were changed meanwhile
            arrivals = (0.0,) * len(windows)
        later = tuple(
            max(arrival, now) + window / quota for arrival, (_, quota, window) in zip(arrivals, windows, strict=True)
        )
        waits = [arrival - now - window for arrival, (_, _, window) in zip(later, windows, strict=True)]
        retry_after = max(0.0, *waits)
        if retry_after <= 1e-9:  # rounding of window / quota summed up
            self._remember(key, later)
            return Paced(_paces(windows, later, now), 0.0)
        return Paced(_paces(windows, arrivals, now), retry_after)

    def _remember(self, key: str, arrivals: tuple[float, ...]) -> None:
        self._arrivals[key] = arrivals
        self._arrivals.move_to_end(key)
        if len(self._arrivals) > self._keys:
            self._arrivals.popitem(last=False)


def _paces(windows: list[tuple[str, int, int]], arrivals: tuple[float, ...], now: float) -> tuple[Pace, ...]:
    return tuple(_pace(*window, arrival, now) for window, arrival in zip(windows, arrivals, strict=True))


def _pace(name: str, limit: int, window: int, arrival: float, now: float) -> Pace:
    used = max(0.0, arrival - now)
    remaining = max(0, int((window - used) * limit / window + 1e-6))
    reset_after = 0.0 if remaining else max(0.0, used - window + window / limit)
    return Pace(name, limit, window, remaining, reset_after)
