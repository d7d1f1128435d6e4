"""How many connections a process takes on."""

from __future__ import annotations

import pytest

from gateway.capacity import connections_for


@pytest.mark.parametrize(
    ("configured", "descriptors", "connections"),
    [(0, 20_000, 9_900), (100, 20_000, 100), (50_000, 20_000, 9_900), (0, 1024, 412), (0, 100, 1), (5, 0, 1)],
)
def test_half_of_the_descriptors_less_a_reserve_is_the_most(
    configured: int, descriptors: int, connections: int
) -> None:
    assert connections_for(configured, descriptors) == connections
