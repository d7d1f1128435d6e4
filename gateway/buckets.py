"""Rates per key by the generic cell rate algorithm (ITU-T I.371): one float a key, bounded in number."""

from __future__ import annotations

from collections import OrderedDict


class Buckets:
    """`rate` a second with `burst` at once, for each key. Forgets the key used longest ago beyond `most_keys`."""

    def __init__(self, rate: float, burst: int, most_keys: int = 65_536) -> None:
        self._interval = 1 / rate if rate > 0 else 0.0
        self._tolerance = self._interval * max(burst - 1, 0)
        self._due: OrderedDict[str, float] = OrderedDict()
        self._most_keys = most_keys

    def wait(self, key: str, now: float) -> float:
        """What `take` would answer; nothing is taken."""
        return max(self._due.get(key, now) - now - self._tolerance, 0.0) if self._interval else 0.0

    def take(self, key: str, now: float) -> float:
        """0.0 when one may pass, else the seconds until the next one may."""
        if not self._interval:
            return 0.0
        due = self._due.get(key, now)
        if due < now:
            due = now
        wait = due - now - self._tolerance
        if wait > 0:
            return wait
        self._due[key] = due + self._interval
        self._due.move_to_end(key)
        if len(self._due) > self._most_keys:
            self._due.popitem(last=False)
        return 0.0

    def __len__(self) -> int:
        return len(self._due)
