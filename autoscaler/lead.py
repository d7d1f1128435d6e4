"""How long it takes from raising replicas to a worker that serves, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

KEPT = 20
QUANTILE = 0.8  # of the last ones: most come within it
LEAST, MOST = 1.0, 3600.0
NEAR = 120.0  # a member made so long after an order was made for it; later ones replaced something


def lead_seconds(leads: Sequence[float], assumed: float) -> float:
    """What to reckon with; `assumed` until three were measured."""
    if len(leads) < 3:
        return assumed
    ordered = sorted(leads)
    return ordered[ceil(QUANTILE * len(ordered)) - 1]


def ordered_at(created_at: float, raised_at: float | None) -> float:
    """When a member that was made then was asked for."""
    if raised_at is not None and raised_at <= created_at <= raised_at + NEAR:
        return raised_at
    return created_at


def measured(
    leads: tuple[float, ...], starting: Mapping[str, float], serving: frozenset[str], now: float
) -> tuple[float, ...]:
    """With those that were starting and serve now."""
    new = tuple(min(max(now - at, LEAST), MOST) for member, at in starting.items() if member in serving)
    return (*leads, *new)[-KEPT:] if new else leads
