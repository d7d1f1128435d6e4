import pytest

from autoscaler.replay.measures import Measures, Write, one_after_another, together, turns


def test_a_change_of_direction_within_fifteen_minutes_is_a_reversal() -> None:
    up, down = Write(0.0, 1, 2), Write(900.0, 2, 1)

    assert turns([up, down]) == (1, 1)


def test_a_later_change_of_direction_is_a_turn_only() -> None:
    assert turns([Write(0.0, 1, 2), Write(901.0, 2, 1)]) == (0, 1)


def test_writes_in_one_direction_are_neither() -> None:
    assert turns([Write(0.0, 1, 2), Write(10.0, 2, 5), Write(20.0, 5, 6)]) == (0, 0)


def test_pools_beside_each_other_share_their_time_and_seeds_add_theirs() -> None:
    one = Measures(
        seconds=86400.0, slots=8, sessions=100, rejected=1, pod_seconds=3600.0, slot_seconds=14400.0, writes=5
    )

    beside, after = together([one, one]), one_after_another([one, one])

    assert (beside.seconds, after.seconds) == (86400.0, 172800.0)
    assert (beside.per_day(beside.writes), after.per_day(after.writes)) == (10.0, 5.0)
    assert pytest.approx(1.0) == beside.rejected_percent
    assert pytest.approx(0.5) == beside.utilisation
    assert beside.pod_hours == 2.0


def test_nothing_measured_divides_by_nothing() -> None:
    assert (Measures().rejected_percent, Measures().utilisation, Measures().per_day(3)) == (0.0, 0.0, 0.0)
