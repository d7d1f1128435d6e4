"""How many may be at something at once, in all and from one address."""

from __future__ import annotations


class Seats:
    """Bounded in all and for each unit of address (`gateway.addresses.limited_unit`)."""

    def __init__(self, most: int, most_per_unit: int) -> None:
        self._most = most
        self._most_per_unit = most_per_unit
        self._taken: dict[str, int] = {}
        self._total = 0

    def __len__(self) -> int:
        """Those taken."""
        return self._total

    def take(self, unit: str) -> bool:
        """False where there is none left."""
        beside = self._taken.get(unit, 0)
        if self._total >= self._most or beside >= self._most_per_unit:
            return False
        self._taken[unit] = beside + 1
        self._total += 1
        return True

    def leave(self, unit: str) -> None:
        """Of one that was taken."""
        self._total -= 1
        beside = self._taken.pop(unit) - 1
        if beside:
            self._taken[unit] = beside
