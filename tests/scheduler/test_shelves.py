"""Shelves: buckets by free slots, the fullest and the emptiest found whatever came and went."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from scheduler.shelves import Group, Shelf, Spot


def a_spot(free: int) -> Spot:
    return Spot("eu", "gpu", frozenset(), free)


def a_shelf(spots: Sequence[Spot]) -> Shelf:
    shelf = Shelf()
    for spot in spots:
        shelf.put(spot)
    return shelf


def test_the_fullest_and_the_emptiest_bucket_are_found_across_words() -> None:
    one, many, most = a_spot(1), a_spot(64), a_spot(100_000)

    shelf = a_shelf([many, most, one])

    assert shelf.fullest() == [one]
    assert shelf.emptiest() == [most]


def test_a_bucket_that_empties_is_not_found_again_and_may_be_filled_again() -> None:
    low, high = a_spot(3), a_spot(70)
    shelf = a_shelf([low, high])

    shelf.pick_out(low)

    assert shelf.fullest() == shelf.emptiest() == [high]
    assert low.shelf is None

    shelf.put(low)

    assert shelf.fullest() == [low]


def test_the_last_of_a_bucket_takes_the_place_of_the_one_that_goes() -> None:
    first, second, third = a_spot(5), a_spot(5), a_spot(5)
    shelf = a_shelf([first, second, third])

    shelf.pick_out(first)

    assert shelf.fullest() == [third, second]
    assert (third.place, second.place) == (0, 1)


def test_an_empty_shelf_says_so() -> None:
    spot = a_spot(9)
    shelf = a_shelf([spot])

    shelf.pick_out(spot)

    assert shelf.summary == 0


def test_a_group_has_a_shelf_for_each_degree_of_use() -> None:
    group = Group("eu", "gpu", frozenset())

    assert (len(group.shelves), group.members) == (3, 0)


@given(st.lists(st.tuples(st.integers(1, 300), st.booleans()), max_size=60))
def test_any_coming_and_going_is_what_a_plain_list_would_say(steps: list[tuple[int, bool]]) -> None:
    shelf, there = Shelf(), list[Spot]()
    for free, is_leaving in steps:
        if is_leaving and there:
            shelf.pick_out(there.pop(free % len(there)))
        else:
            there.append(a_spot(free))
            shelf.put(there[-1])

        assert bool(shelf.summary) == bool(there)
        if there:
            assert {spot.free for spot in shelf.fullest()} == {min(spot.free for spot in there)}
            assert {spot.free for spot in shelf.emptiest()} == {max(spot.free for spot in there)}
