"""The replay of claims finds what it is for, and nothing where all is well."""

from bench.packing import Packed, Taken, replay

SLOTS = {"a": 2, "b": 2}


def test_a_second_worker_is_opened_once_the_first_is_full() -> None:
    taken = [Taken("a", 1.0), Taken("a", 2.0), Taken("b", 3.0)]

    assert replay(taken, SLOTS) == Packed(over_grants=0, mis_packs=0, most_open=2)


def test_an_empty_worker_is_opened_while_another_has_room() -> None:
    assert replay([Taken("a", 1.0), Taken("b", 2.0)], SLOTS).mis_packs == 1


def test_a_slot_that_came_free_is_room() -> None:
    taken = [Taken("a", 1.0), Taken("a", 2.0, until=3.0), Taken("b", 4.0)]

    assert replay(taken, SLOTS).mis_packs == 1


def test_a_third_session_on_two_slots() -> None:
    assert replay([Taken("a", 1.0), Taken("a", 2.0), Taken("a", 3.0)], SLOTS).over_grants == 1


def test_a_slot_is_claimed_again_at_the_instant_of_its_end() -> None:
    taken = [Taken("a", 1.0), Taken("a", 1.5, until=2.0), Taken("a", 2.0)]

    assert replay(taken, SLOTS) == Packed(over_grants=0, mis_packs=0, most_open=1)
