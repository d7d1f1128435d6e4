"""Seats are bounded in all and by address, and come free again."""

from __future__ import annotations

from gateway.seats import Seats


def test_one_address_cannot_take_all_seats() -> None:
    seats = Seats(3, 2)

    taken = [seats.take(unit) for unit in "aaab"]

    assert taken == [True, True, False, True]


def test_all_together_have_no_more_than_there_are() -> None:
    seats = Seats(3, 2)

    assert [seats.take(unit) for unit in "abcd"] == [True, True, True, False]
    assert len(seats) == 3


def test_who_leaves_makes_room() -> None:
    seats = Seats(2, 1)
    seats.take("a")
    seats.take("b")

    seats.leave("a")

    assert len(seats) == 1
    assert not seats.take("b")
    assert seats.take("a")
