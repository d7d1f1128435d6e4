"""When a gateway lets the others accept first."""

from __future__ import annotations

import doctest

from gateway import crowding
from gateway.crowding import is_crowded


def test_the_examples_are_true() -> None:
    assert doctest.testmod(crowding).failed == 0


def test_alone_it_takes_everything() -> None:
    assert not is_crowded(10_000, [])


def test_with_many_a_twentieth_is_close_enough() -> None:
    assert not is_crowded(1000, [950, 2000])
    assert is_crowded(1000, [949, 2000])
