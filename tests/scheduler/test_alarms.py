from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scheduler.alarms import GRAIN, UNSET, Alarms


class Thing:
    """Anything timed."""

    def __init__(self) -> None:
        self.tick = UNSET


def test_it_rings_at_its_time_and_once() -> None:
    alarms: Alarms[Thing] = Alarms()
    thing = Thing()
    alarms.set(thing, 10.0, 0.0)

    assert alarms.ring(9.9) == []
    assert alarms.ring(10.0) == [thing]
    assert alarms.ring(20.0) == []
    assert thing.tick == UNSET


def test_what_is_dropped_does_not_ring_and_leaves_nothing() -> None:
    alarms: Alarms[Thing] = Alarms()
    thing = Thing()
    alarms.set(thing, 10.0, 0.0)

    alarms.drop(thing)
    alarms.drop(thing)

    assert len(alarms) == 0
    assert alarms.ring(99.0) == []


def test_setting_it_earlier_moves_it_and_setting_it_later_does_not() -> None:
    alarms: Alarms[Thing] = Alarms()
    sooner, later = Thing(), Thing()
    for thing in (sooner, later):
        alarms.set(thing, 10.0, 0.0)

    alarms.set(sooner, 5.0, 0.0)
    alarms.set(later, 20.0, 0.0)

    assert alarms.ring(5.0) == [sooner]
    assert alarms.ring(10.0) == [later]


def test_a_far_deadline_rings_on_its_way() -> None:
    alarms: Alarms[Thing] = Alarms()
    thing = Thing()
    alarms.set(thing, 100_000.0, 0.0)

    assert alarms.ring(65.0) == [thing]


def test_they_ring_in_the_order_of_time() -> None:
    alarms: Alarms[Thing] = Alarms()
    things = [Thing() for _ in range(5)]
    for delay, thing in zip((4, 1, 3, 0, 2), things, strict=True):
        alarms.set(thing, float(delay), 0.0)

    assert alarms.ring(10.0) == [things[place] for place in (3, 1, 4, 2, 0)]


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_it_is_never_late_by_a_sweep(now: float, wait: float) -> None:
    alarms: Alarms[Thing] = Alarms()
    thing = Thing()
    alarms.set(thing, now + wait, now)

    assert alarms.ring(now + wait + GRAIN) == [thing]
