"""Which gateway a worker dials next, and at which address."""

from __future__ import annotations

from functools import partial
from itertools import islice

from moorage.io.gateways import Choice, addresses, forever, move_to_new, others


def test_every_gateway_comes_once_a_round_in_the_same_order() -> None:
    rounds = list(islice(forever(("a", "b", "c")), 9))

    assert set(rounds[:3]) == {"a", "b", "c"}
    assert rounds[:3] == rounds[3:6] == rounds[6:]


def test_a_name_of_several_gateways_leads_to_another_one_than_the_present() -> None:
    assert others(["10.0.0.1", "10.0.0.2"], ["10.0.0.1"]) == ["10.0.0.2"]
    assert others(["10.0.0.1"], ["10.0.0.1"]) == ["10.0.0.1"]
    assert others(["10.0.0.1", "10.0.0.2"], []) == ["10.0.0.1", "10.0.0.2"]


def test_an_address_that_failed_comes_after_those_that_did_not() -> None:
    choice, found = Choice(), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    choice.failed("10.0.0.1")

    assert {choice.one(found) for _ in range(100)} == {"10.0.0.2", "10.0.0.3"}
    assert choice.one(["10.0.0.1"]) == "10.0.0.1"


def test_when_all_failed_all_are_tried_again() -> None:
    choice, found = Choice(), ["10.0.0.1", "10.0.0.2"]
    for address in found:
        choice.failed(address)

    assert {choice.one(found) for _ in range(100)} == set(found)


def test_an_answer_makes_earlier_failures_history() -> None:
    choice = Choice()
    choice.failed("10.0.0.1")
    choice.answered()

    assert {choice.one(["10.0.0.1", "10.0.0.2"]) for _ in range(100)} == {"10.0.0.1", "10.0.0.2"}


async def test_an_address_is_a_name_of_one_address() -> None:
    assert await addresses("127.0.0.1", 7403) == ["127.0.0.1"]


def test_nobody_moves_where_nothing_is_new() -> None:
    assert not move_to_new(["a", "b"], ["a", "b"], lambda: 0.0)
    assert not move_to_new(["a", "b"], ["a"], lambda: 0.0)
    assert not move_to_new(["a"], [], lambda: 0.0)


def test_workers_end_up_spread_evenly_over_old_and_new_gateways() -> None:
    moves = [move_to_new(["a", "b", "c"], ["a", "b", "c", "d"], partial(float, each / 1000)) for each in range(1000)]

    assert sum(moves) == 250
