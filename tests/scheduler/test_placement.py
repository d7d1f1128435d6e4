from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.placement import PLANS, Index, meets
from scheduler.shelves import Group, Spot
from scheduler.values import Wanted

ANY = Wanted()


def a_spot(
    index: Index[Spot],
    *,
    slots: int = 10,
    used: int = 0,
    region: str = "eu",
    pool: str = "gpu",
    labels: Iterable[tuple[str, str]] = (),
) -> Spot:
    """In the index, open, with so many slots taken."""
    spot = Spot(region, pool, frozenset(labels), slots)
    index.add(spot)
    index.open(spot)
    for _ in range(used):
        index.take(spot)
    return spot


@pytest.mark.parametrize(
    ("used", "chosen"),
    [
        ((0, 3, 8), 2),  # the fullest below nine tenths
        ((0, 3, 9), 1),  # one in use below comes before one above
        ((0, 9, 9), 1),  # then those above
        ((0, 10, 10), 0),  # then an empty one
        ((10, 10, 10), None),
    ],
)
def test_packing_goes_by_its_three_steps(used: tuple[int, ...], chosen: int | None) -> None:
    index: Index[Spot] = Index(0.9)
    spots = [a_spot(index, used=count) for count in used]

    spot = index.choose(index.plan(ANY), "ses_1")

    if chosen is None:
        assert spot is None
    else:
        assert spot is not None
        assert spot.used == spots[chosen].used


def test_spreading_takes_the_one_with_most_free_slots() -> None:
    index: Index[Spot] = Index()
    a_spot(index, slots=4)
    large = a_spot(index, slots=100, used=10)
    a_spot(index, slots=100, used=95)

    assert index.choose(index.plan(Wanted(is_spread=True)), "ses_1") is large


def test_a_closed_spot_is_not_chosen_and_keeps_its_count() -> None:
    index: Index[Spot] = Index()
    spot = a_spot(index, used=3)

    index.close(spot)
    index.take(spot)
    index.give(spot)

    assert index.choose(index.plan(ANY), "ses_1") is None
    assert spot.used == 3
    index.open(spot)
    assert index.choose(index.plan(ANY), "ses_1") is spot


def test_a_full_spot_cannot_be_taken() -> None:
    index: Index[Spot] = Index()
    spot = a_spot(index, slots=2, used=2)

    with pytest.raises(ValueError, match="all 2 slots"):
        index.take(spot)


def test_a_removed_spot_matches_nothing_and_slots_can_still_be_given_back() -> None:
    index: Index[Spot] = Index()
    spot = a_spot(index, used=2)
    plan = index.plan(ANY)
    assert index.has_match(plan)

    index.remove(spot)
    index.remove(spot)
    index.open(spot)
    index.give(spot)

    assert not index.has_match(plan)
    assert index.choose(plan, "ses_1") is None
    assert spot.used == 1


def test_a_spot_that_comes_back_brings_what_it_has() -> None:
    index: Index[Spot] = Index()
    spot = a_spot(index, slots=3, used=2)
    index.remove(spot)
    spot.slots = 5

    index.add(spot)
    index.open(spot)

    assert (spot.used, spot.free) == (2, 3)


def test_ties_are_broken_by_the_session_always_alike() -> None:
    index: Index[Spot] = Index()
    for _ in range(8):
        a_spot(index)
    plan = index.plan(ANY)

    chosen = [index.choose(plan, f"ses_{number}") for number in range(50)]

    assert chosen == [index.choose(plan, f"ses_{number}") for number in range(50)]
    assert len({id(spot) for spot in chosen}) > 3


def test_regions_are_an_order_pools_a_set_and_labels_all_needed() -> None:
    index: Index[Spot] = Index()
    us = a_spot(index, region="us", pool="cpu", labels=[("a", "1"), ("b", "2")])
    a_spot(index, region="eu", pool="tpu")
    eu = a_spot(index, region="eu", pool="cpu", used=9)
    wanted = Wanted(("eu", "us"), ("cpu", "gpu"))

    assert index.choose(index.plan(wanted), "s") is eu
    index.take(eu)
    assert index.choose(index.plan(wanted), "s") is us
    assert index.choose(index.plan(Wanted(labels=frozenset({("b", "2")}))), "s") is us
    assert index.choose(index.plan(Wanted(labels=frozenset({("b", "3")}))), "s") is None


def test_across_groups_of_one_region_the_fullest_is_taken() -> None:
    index: Index[Spot] = Index()
    a_spot(index, pool="a", used=2)
    fuller = a_spot(index, pool="b", used=5)
    emptier = a_spot(index, pool="c", slots=50)

    assert index.choose(index.plan(ANY), "s") is fuller
    assert index.choose(index.plan(Wanted(is_spread=True)), "s") is emptier


def test_when_all_groups_are_full_nothing_is_chosen() -> None:
    index: Index[Spot] = Index()
    for pool in ("a", "b"):
        a_spot(index, pool=pool, slots=1, used=1)

    assert index.choose(index.plan(ANY), "s") is None
    assert index.choose(index.plan(Wanted(is_spread=True)), "s") is None


def test_choosing_another_skips_those_tried_and_leaves_all_as_they_were() -> None:
    index: Index[Spot] = Index()
    one, two = a_spot(index, used=5), a_spot(index, used=1)
    closed = a_spot(index)
    index.close(closed)
    plan = index.plan(ANY)

    assert index.choose_other(plan, "s", (one, closed)) is two
    assert index.choose_other(plan, "s", (one, two)) is None
    assert index.choose(plan, "s") is one
    assert not closed.is_open


def test_a_plan_sees_groups_come_and_go() -> None:
    index: Index[Spot] = Index()
    plan = index.plan(ANY)
    assert index.choose(plan, "s") is None

    spot = a_spot(index)

    assert index.choose(plan, "s") is spot
    assert index.plan(Wanted()) is plan


def test_plans_are_bounded() -> None:
    index: Index[Spot] = Index()
    first = index.plan(Wanted(pools=("0",)))
    for number in range(PLANS + 1):
        index.plan(Wanted(pools=(str(number),)))

    assert index.plan(Wanted(pools=("0",))) is not first


def test_a_worker_meets_what_its_words_allow() -> None:
    group = Group("eu", "gpu", frozenset({("a", "1")}))

    assert meets(group, Wanted(("us", "eu"), ("gpu",), frozenset({("a", "1")})))
    assert not meets(group, Wanted(("us",)))
    assert not meets(group, Wanted(pools=("cpu",)))
    assert not meets(group, Wanted(labels=frozenset({("a", "2")})))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=12), st.randoms(use_true_random=False), st.booleans())
def test_it_agrees_with_a_plain_search(slots: list[int], dice: random.Random, is_spread: bool) -> None:
    index: Index[Spot] = Index(0.9)
    spots = [a_spot(index, slots=count, used=dice.randrange(min(count, 60) + 1)) for count in slots]
    plan = index.plan(Wanted(is_spread=is_spread))

    for step in range(40):
        spot = index.choose(plan, f"ses_{step}")
        best = _best(spots, is_spread=is_spread)
        assert (spot is not None) == bool(best)
        if spot is not None:
            assert (spot.used, spot.free) in best
            index.take(spot)
        given_back = dice.choice(spots)
        if given_back.used and dice.random() < 0.5:
            index.give(given_back)
        assert all(0 <= one.used <= one.slots and one.free == one.slots - one.used for one in spots)


def _best(spots: list[Spot], *, is_spread: bool) -> set[tuple[int, int]]:
    """(used, free) of those that may be chosen, by the words of the policy."""
    room = [spot for spot in spots if spot.free]
    if not room:
        return set()
    if is_spread:
        most = max(spot.free for spot in room)
        return {(spot.used, spot.free) for spot in room if spot.free == most}
    steps = (
        [spot for spot in room if 0 < spot.used < 0.9 * spot.slots],
        [spot for spot in room if spot.used],
        room,
    )
    step = next(step for step in steps if step)
    least = min(spot.free for spot in step)
    return {(spot.used, spot.free) for spot in step if spot.free == least}
