"""Waits grow, spread and never undercut what a peer asked for."""

from __future__ import annotations

import pytest

from moorage.backoff import Backoff

BACKOFF = Backoff(first=0.5, most=4.0)


@pytest.mark.parametrize(("attempt", "ceiling"), [(0, 0.5), (1, 1.0), (2, 2.0), (3, 4.0), (4, 4.0), (10_000, 4.0)])
def test_the_ceiling_doubles_up_to_the_most(attempt: int, ceiling: float) -> None:
    assert BACKOFF.wait(attempt, lambda: 1.0) == ceiling


def test_jitter_is_full_so_that_nobody_comes_back_in_step() -> None:
    assert BACKOFF.wait(3, lambda: 0.0) == 0.0
    assert BACKOFF.wait(3, lambda: 0.25) == 1.0


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_retry_after_is_never_undercut(chance: float) -> None:
    assert 3.0 <= BACKOFF.wait(0, lambda: chance, retry_after=3.0) <= 3.75


def test_an_immediate_retry_after_is_spread_too() -> None:
    assert BACKOFF.wait(0, lambda: 0.5, retry_after=0.0) == 0.25
