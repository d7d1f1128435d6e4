"""What the slices of the claims bench come to."""

import pytest

from bench.claims import FLOOR, Slice, Slices, figures
from bench.rows import OURS


def a_slice(cycles_per_s: float, server_us: float = 80, p99_ms: float = 5) -> Slice:
    return Slice(cycles_per_s, p50_ms=1, p99_ms=p99_ms, server_us=server_us, client_us=20, reader_us=10)


def values(slices: Slices) -> dict[tuple[str, str], float]:
    return {(row.name, row.metric): row.value for row in figures(slices)}


def test_a_way_on_a_fleet_is_as_fast_as_the_median_of_its_slices() -> None:
    found = values({(FLOOR, 100): [a_slice(1), a_slice(30), a_slice(20)]})

    assert found[FLOOR, "claims_100_cycles"] == 20


def test_the_ceiling_is_what_a_core_of_the_server_allows() -> None:
    found = values({(OURS, 100): [a_slice(5_000, server_us=50)]})

    assert found[OURS, "claims_100_ceiling"] == pytest.approx(20_000)


def test_growth_is_taken_inside_a_round_between_the_smallest_and_the_largest_fleet() -> None:
    small = [a_slice(10), a_slice(20), a_slice(40)]
    middle = [a_slice(1)] * 3
    large = [a_slice(5), a_slice(10), a_slice(20)]

    found = values({(OURS, 100): small, (OURS, 1_000): middle, (OURS, 10_000): large})

    assert found[OURS, "claims_growth"] == pytest.approx(2)


def test_cpu_grows_by_what_server_and_client_cost_together() -> None:
    found = values({(OURS, 100): [a_slice(1, server_us=80)], (OURS, 10_000): [a_slice(1, server_us=130)]})

    assert found[OURS, "claims_cpu_growth"] == pytest.approx(1.5)


def test_the_slowest_fleet_and_the_longest_tail_are_ours_alone() -> None:
    ours = {(OURS, 100): [a_slice(10, p99_ms=4)], (OURS, 1_000): [a_slice(8, p99_ms=6)]}

    found = values({**ours, (FLOOR, 1_000): [a_slice(1, p99_ms=90)]})

    assert found[OURS, "claims_slowest_fleet"] == 8
    assert found[OURS, "claims_slowest_p99"] == 6


def test_peers_alone_have_no_slowest_fleet() -> None:
    assert (OURS, "claims_slowest_fleet") not in values({(FLOOR, 1_000): [a_slice(1)]})
