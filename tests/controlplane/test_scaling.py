"""What a wish comes to, what is refused, and what is said to follow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.observation import Freeze
from controlplane.scaling import (
    STANDSTILLS,
    Outlook,
    ScaleWish,
    check_place,
    checked_target,
    id_for,
    is_same,
    only_region,
    outlook,
    target_of,
)
from moorage.errors import Code, MoorageError
from moorage.ids import KeyId, WorkerId, is_id
from scheduler.values import PoolStatus, ScaleAction, WorkerState, WorkerView

NOW = 1_700_000_000.0
KEY = KeyId("key_one")
PLACES = {("eu", "gpu"), ("eu", "cpu"), ("us", "gpu")}


def a_status(**said: object) -> PoolStatus:
    """Four serve, one starts."""
    status = PoolStatus("eu", "gpu", "local", 1, 10, 8, frozenset(), 5, 4, 1, 0, 30.0, (), NOW, NOW + 15)
    return replace(status, **said)  # type: ignore[arg-type]


def a_wish(action: ScaleAction, number: int | None = None) -> ScaleWish:
    is_set = action is ScaleAction.SET
    return ScaleWish(action, "eu", "gpu", None if is_set else number, number if is_set else None, "a concert", 600.0)


def a_view(used: int = 0, state: WorkerState = WorkerState.SERVING, pool: str = "gpu") -> WorkerView:
    return WorkerView(
        WorkerId("wrk_1"), "w", "eu", pool, "", 8, state, frozenset(), "", 0, used, 0, 0.0, NOW, NOW, None, None
    )


@pytest.mark.parametrize(
    ("wish", "target"),
    [
        (a_wish(ScaleAction.SCALE_UP, 2), 7),
        (a_wish(ScaleAction.SCALE_DOWN, 2), 3),
        (a_wish(ScaleAction.SET, 9), 9),
        (a_wish(ScaleAction.HOLD), 5),
    ],
)
def test_a_wish_counts_from_those_that_serve_and_start(wish: ScaleWish, target: int) -> None:
    assert checked_target(wish, a_status(), NOW) == target


def test_more_counts_from_what_is_wanted_already_and_fewer_from_what_is_there() -> None:
    growing, empty = a_status(desired=8), a_status(serving=0, starting=0, desired=3)

    assert target_of(a_wish(ScaleAction.SCALE_UP, 2), growing) == 10
    assert target_of(a_wish(ScaleAction.SCALE_DOWN, 2), growing) == 3
    assert target_of(a_wish(ScaleAction.HOLD), empty) == 3


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [
        (a_wish(ScaleAction.SCALE_UP, 10**9), a_status(), "beyond the maximum of 10"),
        (a_wish(ScaleAction.SET, 11), a_status(), "beyond the maximum of 10"),
        (a_wish(ScaleAction.SET, 0), a_status(), "below the minimum of 1"),
        (a_wish(ScaleAction.SCALE_DOWN, 5), a_status(), "0 workers are below the minimum"),
        (a_wish(ScaleAction.HOLD), None, "nobody scales pool 'gpu' in region 'eu': start `moorage autoscaler`"),
        (a_wish(ScaleAction.HOLD), a_status(until=NOW), "nobody scales"),
    ],
)
def test_what_cannot_be_is_a_conflict_that_says_why(wish: ScaleWish, status: PoolStatus | None, words: str) -> None:
    with pytest.raises(MoorageError, match=words) as refused:
        checked_target(wish, status, NOW)

    assert refused.value.code is Code.CONFLICT


def test_a_hold_stands_where_the_maximum_was_lowered_below_what_is_there() -> None:
    assert checked_target(a_wish(ScaleAction.HOLD), a_status(maximum=2), NOW) == 5


def test_an_unknown_place_is_refused_with_those_that_are_known() -> None:
    check_place(("eu", "gpu"), PLACES)

    with pytest.raises(MoorageError, match="no region 'mars'; known: eu, us"):
        check_place(("mars", "gpu"), PLACES)
    with pytest.raises(MoorageError, match="no pool 'tpu' in 'eu'; known there: cpu, gpu"):
        check_place(("eu", "tpu"), PLACES)
    with pytest.raises(MoorageError, match="known: none, since no worker has registered"):
        check_place(("eu", "gpu"), [])
    with pytest.raises(MoorageError, match="r19 and 5 more"):
        check_place(("eu", "gpu"), [(f"r{number:02}", "gpu") for number in range(25)])


def test_a_pool_of_one_region_needs_no_region() -> None:
    assert only_region("cpu", None, PLACES) == "eu"
    assert only_region("gpu", "us", PLACES) == "us"

    for pool, region, words in (
        ("gpu", None, "eu, us; name one"),
        ("tpu", None, "known: cpu, gpu"),
        ("cpu", "us", "us"),
    ):
        with pytest.raises(MoorageError, match=words):
            only_region(pool, region, PLACES)


@pytest.mark.parametrize(
    ("action", "workers", "status", "expected"),
    [
        (ScaleAction.SCALE_UP, 8, a_status(), Outlook(8, 3, 0, 0, 0, 30.0)),
        (ScaleAction.SCALE_UP, 8, a_status(draining=3), Outlook(8, 3, 3, 0, 0, 0.0)),
        (ScaleAction.SCALE_UP, 8, a_status(frozen=("rival: an HPA",)), Outlook(8, 3, 0, 0, 0, None)),
        (ScaleAction.SCALE_UP, 8, a_status(frozen=("settling: for 9 s",)), Outlook(8, 3, 0, 0, 0, 30.0)),
        (ScaleAction.SCALE_UP, 8, a_status(draining=3, frozen=("rival: an HPA",)), Outlook(8, 3, 3, 0, 0, 0.0)),
        (ScaleAction.SCALE_UP, 3, a_status(), Outlook(3, 0, 0, 0, 0, 0.0)),
        (ScaleAction.SCALE_DOWN, 3, a_status(), Outlook(3, 0, 0, 2, 0, 0.0)),
        (ScaleAction.SCALE_DOWN, 1, a_status(), Outlook(1, 0, 0, 2, 2, None)),
        (ScaleAction.SCALE_DOWN, 3, a_status(frozen=("rollout: of v2",)), Outlook(3, 0, 0, 2, 0, None)),
        (ScaleAction.SCALE_DOWN, 9, a_status(), Outlook(9, 0, 0, 0, 0, 0.0)),
        (ScaleAction.SET, 8, a_status(), Outlook(8, 3, 0, 0, 0, 30.0)),
        (ScaleAction.HOLD, 5, a_status(), Outlook(5, 0, 0, 0, 0, 0.0)),
    ],
)
def test_the_outlook_says_what_starts_goes_and_has_to_be_waited_for(
    action: ScaleAction, workers: int, status: PoolStatus, expected: Outlook
) -> None:
    views = [a_view(), a_view(), a_view(used=1), a_view(state=WorkerState.LOST), a_view(pool="cpu")]

    assert outlook(a_wish(action, 1).request("scl_1", workers, KEY, NOW), status, views) == expected


def test_a_repetition_is_the_same_wish_whatever_it_came_to() -> None:
    wish = a_wish(ScaleAction.SCALE_UP, 2)
    known = wish.request("scl_1", 7, KEY, NOW)

    assert is_same(replace(known, workers=9), wish)
    assert not is_same(known, replace(wish, delta_workers=3))
    assert not is_same(known, replace(wish, reason="other"))
    assert not is_same(known, replace(wish, ttl_seconds=700.0))
    assert not is_same(a_wish(ScaleAction.SET, 5).request("scl_1", 5, KEY, NOW), a_wish(ScaleAction.SET, 6))


def test_an_idempotency_key_makes_one_id_of_each_kind() -> None:
    assert id_for("scl", KEY, "once") == id_for("scl", KEY, "once") != id_for("scl", KEY, "twice")
    assert is_id("scl", id_for("scl", KEY, "once"))
    assert is_id("aud", id_for("aud", KEY, "once"))


def test_what_stands_still_is_what_the_autoscaler_calls_so() -> None:
    assert {Freeze(each.rstrip(":")) for each in STANDSTILLS} == {Freeze.TARGET, Freeze.MISSING, Freeze.RIVAL}
