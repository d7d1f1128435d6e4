"""Versions of the link, and that its words are the scheduler's."""

from __future__ import annotations

import pytest

from moorage.ids import WorkerId
from moorage.link import SUBPROTOCOLS, Order, Outcome, Register, Registered, negotiate
from scheduler import values


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["moorage.link.v1"], "moorage.link.v1"),
        (["moorage.link.v2", "moorage.link.v1"], "moorage.link.v1"),
        (["moorage.link.v2"], None),
        (["moorage.v1"], None),
        ([], None),
    ],
)
def test_the_newest_common_version_is_spoken(offered: list[str], chosen: str | None) -> None:
    assert negotiate(offered) == chosen


def test_the_newest_version_comes_first() -> None:
    assert list(SUBPROTOCOLS) == sorted(SUBPROTOCOLS, reverse=True)


def test_orders_and_outcomes_are_the_schedulers() -> None:
    assert {order.value for order in Order} == {order.value for order in values.Order}
    assert {outcome.value for outcome in Outcome} == {outcome.value for outcome in values.Outcome}


def test_a_claim_key_never_shows() -> None:
    key = b"secret" * 6

    assert "secret" not in repr(Registered(WorkerId("wrk_a"), key, "e"))
    assert "secret" not in repr(Register("n", "r", "p", "a", 1, claim_key=key))
